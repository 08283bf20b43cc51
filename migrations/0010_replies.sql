-- Codes by which the human answers from a phone. Each is good once, for one action on one ticket, as
-- long as the ticket is what the message said.
CREATE TABLE reply_codes (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    ticket_id  INTEGER NOT NULL REFERENCES tickets(id),
    action     TEXT NOT NULL
               CHECK (action IN ('answer', 'approve', 'reject', 'pass', 'fail', 'retry')),
    code_hash  TEXT NOT NULL UNIQUE,               -- SHA-256
    version    INTEGER NOT NULL,                   -- the ticket's newest event, as the message saw it
    state      TEXT NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'used', 'void')),
    wrong      INTEGER NOT NULL DEFAULT 0,         -- how many wrong codes came in for the ticket
    expires_at INTEGER NOT NULL,                   -- Unix seconds
    ended_at   INTEGER,
    CHECK ((state = 'open') = (ended_at IS NULL))
);
CREATE INDEX reply_codes_ticket ON reply_codes (ticket_id);

ALTER TABLE outbox ADD COLUMN version INTEGER;     -- of the ticket, when the message can be answered
