# Pushes everywhere, each time with the token of this attempt.
write("work", "honest\n")
git("add", "work")
git("commit", "--message", "Work")
before = git("rev-parse", "HEAD~1")[1]
honest = git("rev-parse", "HEAD")[1]
other = f"ticket/{int(TICKET) + 1}/1"

seen["own"] = push(f"HEAD:refs/heads/{BRANCH}")
seen["main"] = push("HEAD:refs/heads/main")
seen["main by force"] = push("--force", "HEAD:refs/heads/main")
seen["main away"] = push(":refs/heads/main")
seen["head"] = push("HEAD:refs/heads/HEAD")
seen["other ticket"] = push(f"HEAD:refs/heads/{other}")
seen["next attempt"] = push(f"HEAD:refs/heads/ticket/{TICKET}/2")
seen["kept attempt"] = push(f"HEAD:refs/attempts/{TICKET}/1")
seen["candidate"] = push(f"HEAD:refs/candidates/{TICKET}")
seen["start"] = push("--force", "HEAD:refs/swarm/start")
seen["tag"] = push("HEAD:refs/tags/v1")
seen["beside"] = push("HEAD:refs/heads/feature")
seen["mirror"] = push("--mirror")
seen["backwards"] = push("--force", f"{before}:refs/heads/{BRANCH}")
orphan = git("commit-tree", "HEAD^{tree}", "-m", "Another history")[1]
seen["another history"] = push("--force", f"{orphan}:refs/heads/{BRANCH}")
seen["own away"] = push(f":refs/heads/{BRANCH}")
git("commit", "--allow-empty", "--message", "More")
seen["own with main"] = push(f"HEAD:refs/heads/{BRANCH}", "HEAD:refs/heads/main")
seen["guessed token"] = push(f"HEAD:refs/heads/{BRANCH}", token="guessed")

# A tree that git's own commands would not make.
blob = git("hash-object", "-w", "work")[1]
inner = git("mktree", stdin=f"100644 blob {blob}\tconfig\n")[1]
tree = git("mktree", stdin=f"040000 tree {inner}\t.GIT\n")[1]
bad = git("commit-tree", tree, "-p", "HEAD", "-m", "Bad")[1]
seen["dot git"] = push(f"{bad}:refs/heads/{BRANCH}")
git("reset", "--hard", honest)
