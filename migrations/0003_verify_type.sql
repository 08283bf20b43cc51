-- The reference system's third schema: a ticket may be of type `verify`.
CREATE TABLE tickets_new (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    title       TEXT NOT NULL,
    description TEXT,
    status      TEXT NOT NULL DEFAULT 'open',
    type        TEXT NOT NULL DEFAULT 'task'
                CHECK (type IN ('task', 'proposal', 'question', 'verify')),
    assigned_to TEXT,
    parent_id   INTEGER REFERENCES tickets(id),
    created_by  TEXT NOT NULL DEFAULT 'human',
    created_at  TEXT NOT NULL DEFAULT (datetime('now')),
    updated_at  TEXT NOT NULL DEFAULT (datetime('now'))
);
INSERT INTO tickets_new
    (id, title, description, status, type, assigned_to, parent_id, created_by, created_at, updated_at)
SELECT id, title, description, status, type, assigned_to, parent_id, created_by, created_at, updated_at
FROM tickets;
DROP TABLE tickets;
ALTER TABLE tickets_new RENAME TO tickets;
