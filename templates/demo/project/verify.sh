#!/bin/sh
# The gate: nothing lands on main unless this exits 0. Runs in the project's root.
set -eu
export PYTHONDONTWRITEBYTECODE=1

printf 'verify: ticket %s (%s), %s\n' \
    "${TICKET_ID:--}" "${TICKET_TITLE:-no title}" "${AGENT_ID:-by hand}"

# Every file parses, also the ones that no test imports.
python3 - <<'PYTHON'
import ast, pathlib
for folder in ("stockroom", "tests"):
    for path in pathlib.Path(folder).rglob("*.py"):
        ast.parse(path.read_text(encoding="utf-8"), str(path))
PYTHON

python3 -m unittest discover -s tests -q
