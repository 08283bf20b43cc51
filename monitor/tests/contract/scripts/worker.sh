# An agent's loop: take a ticket, do it, until there is nothing left.
while json=$(ticket claim-next --agent worker-1 --format json); do
    id=$(printf '%s\n' "$json" | grep -m 1 '"id"' | tr -dc '0-9')
    echo "took $id"
    ticket comment "$id" "done by a script" --author worker-1 >/dev/null
    ticket complete "$id" | grep -q "^Ticket $id work complete\.$"
    ticket mark-done "$id" >/dev/null
done
echo "nothing left"
