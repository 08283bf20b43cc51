"""The same calls as a Python script would make them: argparse, sqlite3, one transaction each.

It stands in for the reference system's CLI in the process benchmark, on our schema.
"""

import argparse
import sqlite3
import sys
import time


def main():
    arguments = parse_arguments()
    conn = sqlite3.connect(arguments.db, timeout=30, isolation_level=None)
    conn.row_factory = sqlite3.Row
    conn.execute("PRAGMA journal_mode = WAL")
    conn.execute("PRAGMA synchronous = FULL")
    conn.execute("PRAGMA foreign_keys = ON")
    if conn.execute("SELECT max(version) FROM schema_version").fetchone()[0] is None:
        sys.exit("no tickets here: run 'ticket migrate'")
    return arguments.run(conn, arguments)


def parse_arguments():
    parser = argparse.ArgumentParser(prog="ticket", description="The ticket queue.")
    parser.add_argument("--db", required=True)
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("create", help="make a ticket")
    command.add_argument("title")
    command.add_argument("--description")
    command.add_argument("--parent", type=int)
    command.add_argument("--assign")
    command.add_argument("--blocked-by", type=int, action="append", default=[])
    command.add_argument("--created-by", default="human")
    command.add_argument("--type", default="task")
    command.set_defaults(run=create)
    command = commands.add_parser("claim-next", help="take the next ticket")
    command.add_argument("--agent", required=True)
    command.set_defaults(run=claim_next)
    command = commands.add_parser("list", help="list tickets")
    command.add_argument("--status", default="open,in_progress,ready")
    command.add_argument("--assigned-to")
    command.set_defaults(run=list_tickets)
    return parser.parse_args()


def log(conn, ticket, agent, action, detail):
    conn.execute(
        "INSERT INTO activity_log (ticket_id, agent_id, action, detail) VALUES (?, ?, ?, ?)",
        (ticket, agent, action, detail))


def create(conn, arguments):
    if not arguments.title.strip():
        sys.exit("the title cannot be empty")
    conn.execute("BEGIN IMMEDIATE")
    ticket = conn.execute(
        "INSERT INTO tickets (title, description, type, assigned_to, parent_id, created_by)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (arguments.title, arguments.description, arguments.type, arguments.assign,
         arguments.parent, arguments.created_by)).lastrowid
    for other in arguments.blocked_by:
        conn.execute("INSERT INTO blockers VALUES (?, ?)", (ticket, other))
    log(conn, ticket, arguments.created_by, "created", arguments.title)
    conn.execute("COMMIT")
    print(ticket)


def claim_next(conn, arguments):
    conn.execute("BEGIN IMMEDIATE")
    row = conn.execute(
        "SELECT id, attempt + 1 AS number FROM tickets"
        " WHERE status = 'open' AND assigned_to IS NULL AND open_blockers = 0 AND not_before <= ?"
        " ORDER BY priority, id LIMIT 1", (int(time.time()),)).fetchone()
    if row is None:
        conn.execute("ROLLBACK")
        return 1
    conn.execute(
        "UPDATE tickets SET status = 'in_progress', assigned_to = ?, attempt = ?,"
        " updated_at = datetime('now') WHERE id = ?", (arguments.agent, row["number"], row["id"]))
    conn.execute(
        "INSERT INTO attempts (ticket_id, number, agent, lease_seconds) VALUES (?, ?, ?, 86400)",
        (row["id"], row["number"], arguments.agent))
    log(conn, row["id"], arguments.agent, "claimed", f"attempt {row['number']}")
    conn.execute("COMMIT")
    show(conn, row["id"])
    return 0


def show(conn, ticket):
    row = conn.execute("SELECT * FROM tickets WHERE id = ?", (ticket,)).fetchone()
    print(f"Ticket #{ticket}")
    for name in ("title", "description", "status", "type", "assigned_to", "created_by"):
        print(f"{name}: {row[name]}")
    waits = conn.execute("SELECT blocked_by FROM blockers WHERE ticket_id = ?", (ticket,))
    print("Blocked by:", ", ".join(str(other[0]) for other in waits))
    blocks = conn.execute("SELECT ticket_id FROM blockers WHERE blocked_by = ?", (ticket,))
    print("Blocks:", ", ".join(str(other[0]) for other in blocks))
    comments = conn.execute(
        "SELECT * FROM comments WHERE ticket_id = ? ORDER BY id", (ticket,)).fetchall()
    print(f"Comments ({len(comments)}):")
    for comment in comments:
        print(f"[{comment['created_at']}] {comment['author']}: {comment['body']}")


def list_tickets(conn, arguments):
    statuses = arguments.status.split(",")
    marks = ", ".join("?" * len(statuses))
    sql = f"SELECT * FROM tickets WHERE status IN ({marks})"
    if arguments.assigned_to:
        sql += " AND assigned_to = ?"
        statuses.append(arguments.assigned_to)
    for row in conn.execute(sql + " ORDER BY id", statuses):
        print(f"{row['id']:>5}  {row['status']:<12} {row['type']:<9}"
              f" {row['assigned_to'] or '-':<12} {row['title']}")


if __name__ == "__main__":
    sys.exit(main())
