# Every exit code that scripts branch on.
code() {
    want=$1
    shift
    got=0
    "$@" >out 2>err || got=$?
    if [ "$got" -ne "$want" ]; then
        echo "$*: $got instead of $want"
        exit 1
    fi
}
code 2 ticket
code 2 ticket list --nonsense
code 1 ticket claim-next --agent a
[ ! -s out ] && [ ! -s err ]
code 1 ticket show 1
[ ! -s out ] && [ -s err ]
code 0 ticket create "One"
[ "$(cat out)" = 1 ]
code 1 ticket create ""
grep -q "cannot be empty" err
code 1 ticket create "Two" --blocked-by 99
code 2 ticket update 1
code 1 ticket update 1 --status done
grep -q "mark-done" err
code 0 ticket block 1 --by "$(ticket create "Two")"
code 1 ticket block 1 --by 2
code 0 ticket unblock 1 --by 2
code 1 ticket unblock 1 --by 2
if ticket claim-next --agent a >/dev/null; then echo "all as documented"; fi
