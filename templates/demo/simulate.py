#!/usr/bin/env python3
"""Plays the demo without swarm: real git, the real agent and gate, a fake `ticket`.

    python3 simulate.py [FIRST_SEED [LAST_SEED]]

Each seed interleaves one to eight agents, a landing queue and a human at random,
and kills agents. It fails when a ticket does not land, needs too many hand-backs,
when main was ever red, or when two seeds end in different trees.
"""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
HANDBACKS = 3
STEPS = 2000
# What depends on when proposals are approved, and on the human's answer.
VARIES = ("CHANGELOG.md", "count.py", "empty.py", "discount.py")

verdicts = {}  # tree -> (green, log): the gate is a function of the tree
endings = []  # the files of main at the end of each seed


def git(folder, *arguments):
    """What git printed; it must succeed."""
    done = run_git(folder, arguments)
    assert done.returncode == 0, f"git {' '.join(arguments)}: {done.stdout}"
    return done.stdout.strip()


def try_git(folder, *arguments):
    """Whether git succeeded."""
    return run_git(folder, arguments).returncode == 0


def run_git(folder, arguments):
    identity = ["-c", "user.name=sim", "-c", "user.email=sim@demo.invalid"]
    return subprocess.run(
        ["git", *identity, *arguments], cwd=folder, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env={**os.environ, "GIT_EDITOR": "true", "LC_ALL": "C"},
    )


def verify(folder):
    """The gate on the tree as committed."""
    tree = git(folder, "rev-parse", "HEAD^{tree}")
    if tree not in verdicts:
        done = subprocess.run(["sh", "verify.sh"], cwd=folder, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        verdicts[tree] = (done.returncode == 0, done.stdout)
    return verdicts[tree]


# --- The fake queue: one JSON file, written in one piece ---------------------------


class Queue:
    def __init__(self, path):
        self.path = Path(path)
        self.tickets = json.loads(self.path.read_text()) if self.path.exists() else []

    def save(self):
        draft = self.path.with_suffix(".draft")
        draft.write_text(json.dumps(self.tickets))
        draft.replace(self.path)

    def __getitem__(self, number):
        return self.tickets[int(number) - 1]

    def create(self, title, description, kind="task", assign=None, priority=2, blocked_by=()):
        self.tickets.append({
            "id": len(self.tickets) + 1, "title": title, "description": description, "type": kind,
            "assigned_to": assign, "priority": priority, "blocked_by": list(blocked_by),
            "status": "open", "comments": [],
        })
        self.save()
        return len(self.tickets)

    def claimable(self):
        free = [t for t in self.tickets if t["status"] == "open" and not t["assigned_to"]
                and all(self[b]["status"] == "done" for b in t["blocked_by"])]
        return sorted(free, key=lambda t: (t["priority"], t["id"]))

    def set(self, number, **fields):
        self[number].update(fields)
        self.save()


def fake_ticket(command, *arguments):
    """What the demo's agent calls as `ticket`; strict about who holds a ticket."""
    queue = Queue(os.environ["SIM_QUEUE"])
    options = dict(zip(arguments[1::2], arguments[2::2]))
    if command in ("comment", "block", "unclaim"):
        own = arguments[0] == os.environ.get("TICKET_ID")
        if not own or queue[arguments[0]]["status"] != "in_progress":
            sys.exit("refused: not the holder of that ticket")
    match command:
        case "create":
            kind, assign = options["--type"], options["--assign"]
            print(queue.create(arguments[0], options["--description"], kind, assign))
        case "comment":
            comment = {"author": os.environ["AGENT_ID"], "body": arguments[1]}
            queue[arguments[0]]["comments"].append(comment)
            queue.save()
        case "block":
            blockers = queue[arguments[0]]["blocked_by"] + [int(options["--by"])]
            queue.set(arguments[0], blocked_by=blockers, status="open", assigned_to=None)
        case "unclaim":
            queue.set(arguments[0], status="open", assigned_to=None)
        case "show":
            print(json.dumps(queue[arguments[0]]))
        case "list":
            print(json.dumps(queue.tickets))
        case _:
            sys.exit(2)
    calls_left = Path(os.environ["SIM_QUEUE"] + ".kill")
    if calls_left.exists():
        left = int(calls_left.read_text()) - 1
        calls_left.write_text(str(left))
        if left == 0:
            os.kill(os.getppid(), signal.SIGKILL)


# --- One world ---------------------------------------------------------------------


class World:
    def __init__(self, seed, root):
        self.random = random.Random(seed)
        self.root = Path(root)
        counted = ("killed", "released", "verify failed", "conflict", "bounced")
        self.stats = dict.fromkeys(counted, 0)
        self.landing = []
        self.snapshots = {}

        self.origin = self.root / "main"
        shutil.copytree(HERE / "project", self.origin)
        git(self.root, "init", "-q", "-b", "main", str(self.origin))
        git(self.origin, "add", "-A")
        git(self.origin, "commit", "-q", "-m", "Start")
        git(self.origin, "checkout", "-q", "--detach")

        self.queue_path = self.root / "queue.json"
        queue, numbers = self.queue(), {}
        for t in json.loads((HERE / "tickets.json").read_text()):
            blockers = [numbers[key] for key in t["blocked_by"]]
            numbers[t["key"]] = queue.create(
                t["title"], t["description"], priority=t["priority"], blocked_by=blockers
            )

        bin_folder = self.root / "bin"
        bin_folder.mkdir()
        shim = bin_folder / "ticket"
        shim.write_text(f'#!/bin/sh\nexec {sys.executable} {HERE}/simulate.py ticket "$@"\n')
        shim.chmod(0o755)
        self.environ = {**os.environ, "PATH": f"{bin_folder}:{os.environ['PATH']}",
                        "SIM_QUEUE": str(self.queue_path), "PYTHONDONTWRITEBYTECODE": "1"}
        self.agents = [Agent(self, n) for n in range(self.random.randint(1, 8))]
        self.approves = self.random.random() < 0.5

    def queue(self):
        return Queue(self.queue_path)

    def play(self):
        for _ in range(STEPS):
            actor = self.random.choice([*self.agents, *self.agents, self.land, self.human])
            (actor.step if isinstance(actor, Agent) else actor)()
            open_tickets = [t for t in self.queue().tickets if t["status"] != "done"]
            if not [t for t in open_tickets if t["type"] == "task"]:
                return self.check()
        raise AssertionError(f"not finished: {[t['title'] for t in open_tickets]}")

    def human(self):
        queue = self.queue()
        for t in queue.tickets:
            if t["assigned_to"] == "human" and t["status"] == "open" and self.random.random() < 0.2:
                if t["type"] == "question":
                    answer = self.random.choice(["up", "Down, please.", "Up or down? You choose."])
                    t["comments"].append({"author": "human", "body": answer})
                    queue.set(t["id"], status="done")
                elif self.approves:
                    queue.set(t["id"], type="task", assigned_to=None)

    def land(self):
        if not self.landing:
            return
        agent = self.landing.pop(0)
        git(self.origin, "checkout", "-q", "main")
        squash = ["pull", "-q", "--squash", "--no-rebase", str(agent.tree), "HEAD"]
        if not try_git(self.origin, *squash):
            git(self.origin, "reset", "-q", "--hard")
            git(self.origin, "clean", "-fdq")
            return agent.back("bounced", "it no longer merges with main")
        git(self.origin, "commit", "-q", "-m", agent.title)
        green, log = verify(self.origin)
        if not green:
            git(self.origin, "reset", "-q", "--hard", "HEAD~1")
            return agent.back("bounced", log)
        self.queue().set(agent.id, status="done")
        agent.phase = "idle"

    def check(self):
        for commit in git(self.origin, "rev-list", "main").split():
            git(self.origin, "checkout", "-q", commit)
            green, log = verify(self.origin)
            assert green, f"main was red at {commit}:\n{log}"
        questions = [t for t in self.queue().tickets if t["type"] == "question"]
        assert len(questions) == 1, "asked twice, or never"
        titles = [t["title"] for t in self.queue().tickets]
        assert len(titles) == len(set(titles)), "proposed twice"
        landed = git(self.origin, "log", "--format=%s", "main").splitlines()
        assert sorted(landed) == sorted(set(landed)), "landed twice"
        files = git(self.origin, "ls-tree", "-r", "main").splitlines()
        endings.append({line for line in files if not line.endswith(VARIES)})
        assert endings[-1] == endings[0], f"another tree: {endings[-1] ^ endings[0]}"


class Agent:
    def __init__(self, world, number):
        self.world, self.name, self.phase = world, f"agent-{number + 1}", "idle"
        self.tree = world.root / self.name
        git(world.root, "clone", "-q", str(world.origin), str(self.tree))

    def step(self):
        getattr(self, f"when_{self.phase}")()

    def when_idle(self):
        queue, chance = self.world.queue(), self.world.random
        claimable = queue.claimable()
        if not claimable:
            if chance.random() < 0.1:
                self.fetch()
                git(self.tree, "checkout", "-qf", "-B", "work", "origin/main")
                self.run("propose")
                assert not git(self.tree, "status", "--porcelain"), "a proposal is read-only"
            return
        ticket = claimable[0] if chance.random() < 0.7 else chance.choice(claimable)
        self.id, self.title = str(ticket["id"]), ticket["title"]
        self.handbacks, self.kind, self.log = 0, "work", ""
        queue.set(self.id, status="in_progress", assigned_to=self.name)
        self.fetch()
        start = "origin/main"
        if self.id in self.world.snapshots and chance.random() < 0.6:
            keeper, start = self.world.snapshots[self.id]
            git(self.tree, "fetch", "-q", str(keeper), "refs/snapshots/" + self.id)
        git(self.tree, "checkout", "-qf", "-B", "work", start)
        git(self.tree, "clean", "-fdq")
        self.phase = "working"

    def when_working(self):
        outcome = self.run(self.kind)
        held = self.world.queue()[self.id]
        if outcome == "killed" or held["status"] != "in_progress":
            self.world.stats["killed" if outcome == "killed" else "released"] += 1
            self.snapshot()
            if held["status"] == "in_progress":
                self.world.queue().set(self.id, status="open", assigned_to=None)
            self.phase = "idle"
            return
        git(self.tree, "add", "-A")
        if Path(self.tree, ".git/rebase-merge").exists():
            if try_git(self.tree, "rebase", "--continue"):
                self.phase = "verifying"
            else:
                self.conflict()
            return
        git(self.tree, "commit", "-q", "--allow-empty", "-m", "work")
        self.phase = "verifying"

    def when_verifying(self):
        marked = try_git(self.tree, "grep", "-lE", "^(<<<<<<<|>>>>>>>) ")
        green, log = (False, "conflict markers") if marked else verify(self.tree)
        if green:
            self.phase = "updating"
        else:
            self.back("verify failed", log)

    def when_updating(self):
        self.fetch()
        if try_git(self.tree, "merge-base", "--is-ancestor", "origin/main", "HEAD"):
            self.world.landing.append(self)
            self.phase = "submitted"
            return
        how = self.world.random.choice([["merge", "-q", "--no-edit"], ["rebase", "-q"], None])
        if how is None:  # submit it as it is; the landing queue will merge
            self.world.landing.append(self)
            self.phase = "submitted"
        elif try_git(self.tree, *how, "origin/main"):
            self.phase = "verifying"
        else:
            self.conflict()

    def when_submitted(self):
        pass

    def conflict(self):
        self.back("conflict", self.conflicted())

    def conflicted(self):
        return git(self.tree, "diff", "--name-only", "--diff-filter=U")

    def back(self, kind, log):
        """Hand the work back to the agent."""
        self.handbacks += 1
        self.world.stats[kind] += 1
        assert self.handbacks <= HANDBACKS, f"{self.title}: {kind} once too often:\n{log}"
        self.kind, self.log, self.phase = kind, log, "working"
        if kind == "bounced":
            self.fetch()
            if not try_git(self.tree, "merge", "-q", "--no-edit", "origin/main"):
                self.kind, self.log = "conflict", self.conflicted()

    def run(self, kind):
        """The agent's process; killed at a random moment or after a random `ticket` call."""
        chance, world = self.world.random, self.world
        environ = {**world.environ, "AGENT_ID": self.name, "DEMO_PACE": "0"}
        if kind != "propose":
            environ |= {"TICKET_ID": self.id, "TICKET_TITLE": self.title}
        fate = chance.random()
        by_call = Path(f"{world.queue_path}.kill")
        by_call.unlink(missing_ok=True)
        if fate < 0.12:
            environ["DEMO_PACE"] = "0.05"
        elif fate < 0.24:
            by_call.write_text(str(chance.randint(1, 5)))
        process = subprocess.Popen(
            [sys.executable, str(HERE / "demo-agent")], cwd=self.tree, env=environ, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        process.stdin.write(f"swarm: {kind}\n\n{getattr(self, 'log', '')}\n")
        process.stdin.close()
        if fate < 0.12:
            time.sleep(chance.uniform(0.03, 0.25))
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        output = process.stdout.read()
        process.wait()
        for lock in Path(self.tree, ".git").rglob("*.lock"):  # of a git killed with the agent
            lock.unlink()
        if process.returncode == -signal.SIGKILL:
            return "killed"
        assert process.returncode == 0, f"the agent failed ({kind}):\n{output}"
        return "done"

    def snapshot(self):
        """Keep the tree, half done as it is, for the next attempt."""
        git(self.tree, "add", "-A")
        tree = git(self.tree, "write-tree")
        commit = git(self.tree, "commit-tree", tree, "-p", "HEAD", "-m", "snapshot")
        git(self.tree, "update-ref", "refs/snapshots/" + self.id, commit)
        self.world.snapshots[self.id] = (self.tree, commit)
        for state in ("rebase", "merge"):
            try_git(self.tree, state, "--abort")
        git(self.tree, "reset", "-q", "--hard")

    def fetch(self):
        git(self.tree, "fetch", "-q", "origin", "main:refs/remotes/origin/main")


def main(first=1, last=None):
    total = {}
    for seed in range(int(first), int(last or first) + 1):
        with tempfile.TemporaryDirectory() as root:
            world = World(seed, root)
            try:
                world.play()
            except AssertionError as error:
                sys.exit(f"seed {seed}: {error}")
            total = {key: total.get(key, 0) + count for key, count in world.stats.items()}
            print(f"seed {seed}: {len(world.agents)} agents, {world.stats}", flush=True)
    print(f"all landed, main always green; together {total}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["ticket"]:
        fake_ticket(*sys.argv[2:])
    else:
        main(*sys.argv[1:])
