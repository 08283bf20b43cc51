# A plan with its dependencies.
epic=$(ticket create "The epic" --description "All of it" --type task --assign human)
one=$(ticket create "Part one" --parent "$epic" --created-by planner)
two=$(ticket create "Part two" --parent "$epic" --created-by planner)
check=$(ticket create "Check it" --type verify --blocked-by "$one" --blocked-by "$two")
ticket create "Fix first" --block-dependents-of "$one" --assign human --type task >fix.id
[ "$(cat fix.id)" -eq 5 ]
ready=$(ticket list --status open | awk 'NR > 1 && $4 == "-" && $3 == "task"' | wc -l)
echo "$(ticket count) tickets, $ready ready" | tr -s ' '
echo "open,in_progress: $(ticket list --status open,in_progress | tail -n +2 | wc -l | tr -d ' ')"
ticket show "$check" | grep -q '^Blocked by:.*2.*3.*5$'
