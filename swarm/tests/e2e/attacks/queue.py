# Acts on somebody else's ticket, as the human, and as a runner, with the token of this attempt.
wait_for(lambda: "working" in comments(VICTIM))
victim, question, proposal = str(VICTIM), str(QUESTION), str(PROPOSAL)

seen["victims"] = {
    "comment": ticket("comment", victim, "I was here"),
    "comment as human": ticket("comment", victim, "I was here", "--author", "human"),
    "complete": ticket("complete", victim),
    "unclaim": ticket("unclaim", victim),
    "block": ticket("block", victim, "--by", TICKET),
    "unblock": ticket("unblock", victim, "--by", question),
    "rename": ticket("update", victim, "--title", "Mine"),
    "take": ticket("update", victim, "--assign", AGENT),
    "reopen": ticket("update", victim, "--status", "open"),
    "wait for what waits for it": ticket("create", "Mine", "--block-dependents-of", victim),
}
seen["humans"] = {
    "finish": ticket("mark-done", victim),
    "finish own": ticket("mark-done", TICKET),
    "finish own otherwise": ticket("update", TICKET, "--status", "ready"),
    "answer": ticket("answer", question, "yes"),
    "approve": ticket("approve", proposal),
    "reject": ticket("reject", proposal, "no"),
    "claim": ticket("claim-next", "--agent", AGENT),
    "give to another": ticket("create", "Mine", "--assign", "agent-9"),
}
own, other = f"/api/v1/attempts/{TICKET}/{ATTEMPT}", f"/api/v1/attempts/{VICTIM}/1"
head = git("rev-parse", "HEAD")[1]
landed = {"outcome": "landed"}
verdict = {"result": "green", "log_tail": "", "took_ms": 1}
seen["routes"] = {
    f"{method} {path}": hub(method, path, body)
    for method, path, body in [
        ("POST", "/api/v1/work", {"wait": 0}),
        ("POST", f"{own}/heartbeat", {}),
        ("POST", f"{own}/submit", {"commit": head}),
        ("POST", f"{own}/end", landed),
        ("POST", f"{other}/heartbeat", {}),
        ("POST", f"{other}/submit", {"commit": head}),
        ("POST", f"{other}/end", landed),
        ("GET", "/api/v1/landings/1", None),
        ("POST", "/api/v1/proposals/1/end", {}),
        ("POST", "/api/v1/verifications/next", {"wait": 0}),
        ("POST", "/api/v1/verifications/1/verdict", verdict),
        ("POST", "/api/v1/verifications", {"commit": head}),
        ("GET", "/api/v1/status", None),
        ("PUT", "/api/v1/fleet", {"agents": 9}),
        ("POST", "/api/v1/shutdown", {}),
        ("GET", "/api/v1/events", None),
        ("GET", "/api/v1/services/hub/logs", None),
        ("GET", "/login", None),
        ("GET", "/", None),
    ]
}
# What it may do it does in its own name, whatever it says.
ticket("comment", TICKET, "From me", "--author", "human")
seen["made"] = ticket("create", "Made by me", "--created-by", "human", "--type", "question", "--assign", "human")
