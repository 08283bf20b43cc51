# Leaves a program wherever git might run one, for the runner and for the next attempt.
trap = WORK / "trap"
write(trap, f"#!/bin/sh\necho \"$0 $*\" >>{WORK}/sprung\nenv >>{WORK}/sprung\nexec cat\n", 0o755)
hooks = WORK / "hooks"
names = """applypatch-msg pre-applypatch post-applypatch pre-commit prepare-commit-msg commit-msg
    post-commit pre-merge-commit pre-rebase post-checkout post-merge pre-push pre-receive update
    post-receive reference-transaction pre-auto-gc post-rewrite fsmonitor-watchman
    post-index-change proc-receive push-to-checkout sendemail-validate""".split()
for place in [hooks, Path(".git/hooks")]:
    for name in names:
        write(place / name, trap.read_text(), 0o755)

settings = f"""
[core]
    fsmonitor = {trap}
    hooksPath = {hooks}
    sshCommand = {trap}
    gitProxy = {trap}
    askPass = {trap}
    editor = {trap}
    pager = {trap}
    attributesFile = {WORK}/attributes
    alternateRefsCommand = {trap}
    worktree = {WORK}
[filter "trap"]
    clean = {trap}
    smudge = {trap}
    required = true
[merge]
    default = trap
[merge "trap"]
    driver = {trap}
[diff]
    external = {trap}
[diff "trap"]
    command = {trap}
    textconv = {trap}
[alias]
    fetch = !{trap}
    push = !{trap}
    add = !{trap}
    merge-tree = !{trap}
[credential]
    helper = {trap}
[gpg]
    program = {trap}
[commit]
    gpgSign = true
[url "http://127.0.0.1:1/"]
    insteadOf = http://
    pushInsteadOf = http://
[http]
    proxy = http://127.0.0.1:1
[uploadpack]
    packObjectsHook = {trap}
[remote "origin"]
    uploadpack = {trap}
    receivepack = {trap}
    url = ext::{trap}
[protocol "ext"]
    allow = always
[include]
    path = {WORK}/more
[extensions]
    worktreeConfig = true
"""
write(".git/config", settings)
write(".git/config.worktree", settings)
write(".git/info/attributes", "* filter=trap merge=trap diff=trap\n")
write(".git/objects/info/alternates", f"{WORK}/objects\n")
write(".git/objects/info/http-alternates", "http://127.0.0.1:1/objects\n")
write(".git/index.lock", "")
write(".git/shallow", "")
write(WORK / "more", settings)
write(WORK / "attributes", "* filter=trap\n")
for home in [Path.home(), WORK / "gate-home"]:
    write(home / ".gitconfig", settings)
    write(home / ".config/git/config", settings)
    write(home / ".config/git/attributes", "* filter=trap\n")
write("work", "with traps all around\n")
