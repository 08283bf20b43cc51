# An agent asks, the human answers, the agent goes on.
ticket create "Sum the invoices" >/dev/null
ticket claim-next --agent agent-1 | grep -q '^Ticket #1$'
question=$(ticket create "How to round?" --assign human --created-by agent-1 --blocked-by 1)
ticket unblock "$question" --by 1 >/dev/null
ticket block 1 --by "$question" >/dev/null
ticket claim-next --agent agent-1 >/dev/null || echo "blocked"
ticket list --assigned-to human | grep -q "question  *human  *How to round?"
ticket comment "$question" "Round half up." >/dev/null
ticket mark-done "$question" >/dev/null
echo "the answer: $(ticket comments "$question" | sed 's/^\[[^]]*\] human: //')"
ticket claim-next --agent agent-1 --format json | grep -q '"assigned_to": "agent-1"' && echo "again mine"
