# Hands in what must not land. When that comes back, notes why and hands in something honest.
if KIND == "work":
    PLANTED
elif KIND == "bounced":
    seen["told"] = PROMPT
    git("checkout", "--quiet", "--force", "--detach", "origin/main")
    git("clean", "--quiet", "-ffdx")
else:
    seen["unexpected"] = PROMPT
write(f"work-{TICKET}", "honest\n")
