-- Messages for people who are away. They wait here until their channel has taken them.
CREATE TABLE outbox (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    channel    TEXT NOT NULL,
    key        TEXT NOT NULL,                      -- what it tells of; never told twice
    kind       TEXT NOT NULL,
    subject    TEXT NOT NULL,                      -- a newer message replaces one that still waits
    ticket_id  INTEGER REFERENCES tickets(id),
    title      TEXT NOT NULL,
    body       TEXT NOT NULL,
    priority   INTEGER NOT NULL CHECK (priority BETWEEN 1 AND 5),
    state      TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'sent', 'dropped')),
    reason     TEXT,                               -- why it was dropped
    created_at INTEGER NOT NULL,                   -- Unix seconds
    ended_at   INTEGER,
    UNIQUE (channel, key),
    CHECK ((state = 'waiting') = (ended_at IS NULL))
);
CREATE INDEX outbox_waiting ON outbox (channel, id) WHERE state = 'waiting';

-- What waits for the person in charge is looked at whenever something happened.
CREATE INDEX tickets_human ON tickets (id) WHERE status <> 'done' AND assigned_to = 'human';
