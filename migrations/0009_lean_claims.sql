-- What a claim compiles and writes, made less.

-- The primary key is the table: one tree to write in place of two.
CREATE TABLE attempts_new (
    ticket_id     INTEGER NOT NULL REFERENCES tickets(id),
    number        INTEGER NOT NULL CHECK (number > 0),
    agent         TEXT NOT NULL,
    token_hash    TEXT,                            -- of the token that the agent CLI gets
    lease_seconds INTEGER NOT NULL,
    phase         TEXT NOT NULL DEFAULT 'claimed',
    base_commit   TEXT,
    snapshot      TEXT,                            -- the commit kept under refs/attempts
    session_id    TEXT,
    outcome       TEXT CHECK (outcome IN ('landed', 'needs-review', 'no-change', 'agent-failed',
                                          'verify-red', 'conflict', 'stalled', 'rate-limited',
                                          'auth-failed', 'infra-failed', 'released', 'cancelled')),
    reason        TEXT,
    log_tail      TEXT,
    settled       INTEGER NOT NULL DEFAULT 0,      -- 1: its tree was kept, or there is none
    started_at    TEXT NOT NULL DEFAULT (datetime('now')),
    heartbeat_at  TEXT NOT NULL DEFAULT (datetime('now')),
    ended_at      TEXT,
    PRIMARY KEY (ticket_id, number),
    CHECK ((ended_at IS NULL) = (outcome IS NULL))
) WITHOUT ROWID;
INSERT INTO attempts_new SELECT * FROM attempts;
DROP TABLE attempts;
ALTER TABLE attempts_new RENAME TO attempts;
CREATE UNIQUE INDEX attempts_live ON attempts (ticket_id) WHERE ended_at IS NULL;
CREATE UNIQUE INDEX attempts_token ON attempts (token_hash) WHERE token_hash IS NOT NULL;

-- One trigger for both sides of 'done'. A done ticket stays done; `Status::after` says the same.
DROP TRIGGER tickets_done_is_final;
DROP TRIGGER tickets_finished;
CREATE TRIGGER tickets_finished AFTER UPDATE OF status ON tickets
    WHEN (NEW.status = 'done') <> (OLD.status = 'done')
BEGIN
    SELECT RAISE(ABORT, 'a done ticket stays done') WHERE OLD.status = 'done';
    UPDATE tickets SET open_blockers = open_blockers - 1
    WHERE id IN (SELECT ticket_id FROM blockers WHERE blocked_by = NEW.id);
    UPDATE tickets SET open_blockers = open_blockers - 1
    WHERE id = NEW.parent_id AND wait_for_children = 1;
END;
