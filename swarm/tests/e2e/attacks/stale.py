# The first attempt gives its token away and sleeps until its ticket is taken from it. The second
# one tries what the old token is still good for.
if ATTEMPT == "1":
    ticket("comment", TICKET, f"token {TOKEN}")
    time.sleep(600)
old = comments(TICKET).rpartition("token ")[2].split()[0]
git("commit", "--allow-empty", "--message", "Mine")
seen["old token"] = {
    "comment": ticket("comment", TICKET, "I am still here", token=old),
    "complete": ticket("complete", TICKET, token=old),
    "give back": ticket("unclaim", TICKET, token=old),
    "wait": ticket("create", "Mine", token=old),
    "read": ticket("show", TICKET, token=old),
    "push old": push(f"HEAD:refs/heads/ticket/{TICKET}/1", token=old),
    "push new": push(f"HEAD:refs/heads/{BRANCH}", token=old),
    "fetch": git("fetch", "origin", "main", token=old),
}
seen["new token"] = {"push old": push(f"HEAD:refs/heads/ticket/{TICKET}/1")}
