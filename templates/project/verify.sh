#!/bin/sh
# The gate: nothing lands unless this exits with 0.
#
# It runs in the project's root, in a fresh container of the agents' image, on the exact commit
# that would land, and once more wherever an agent thinks that it is finished. TICKET_ID,
# TICKET_TITLE and AGENT_ID say for whom. Only the base branch's version counts, and a change of
# this file waits for 'ticket approve ID'.
set -eu

@COMMANDS@
