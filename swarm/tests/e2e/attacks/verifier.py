# Tests that know where they run: green for the agent; at the hub's verifier they try to end it, to
# speak in its name, and to leave without a verdict.
if KIND == "work":
    write("check", """
[ "$(stat --file-system --format=%T "$PWD/..")" = tmpfs ] || exit 0
for place in /proc/[0-9]*; do
    read -r name <"$place/comm"
    [ "$name" = agent-runner ] && kill -KILL "${place#/proc/}"
done
exit 0
""")
else:
    seen[KIND] = PROMPT
    Path("check").unlink()
write("work", "honest\n")
