-- What the queue needs beyond the reference: attempts with leases, landings, agents, settings,
-- and a claim whose cost does not grow with the table.
--
-- The reference's status column is free text; a word we do not know becomes `open`, and the log
-- says which it was.
INSERT INTO activity_log (ticket_id, agent_id, action, detail)
SELECT id, 'migration', 'status_mapped', status || ' became open' FROM tickets
WHERE status NOT IN ('open', 'in_progress', 'ready', 'done') ORDER BY id;
CREATE TABLE tickets_new (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    title         TEXT NOT NULL,
    description   TEXT,
    status        TEXT NOT NULL DEFAULT 'open'
                  CHECK (status IN ('open', 'in_progress', 'ready', 'done')),
    type          TEXT NOT NULL DEFAULT 'task'
                  CHECK (type IN ('task', 'proposal', 'question', 'verify')),
    assigned_to   TEXT,
    parent_id     INTEGER REFERENCES tickets(id),
    created_by    TEXT NOT NULL DEFAULT 'human',
    created_at    TEXT NOT NULL DEFAULT (datetime('now')),
    updated_at    TEXT NOT NULL DEFAULT (datetime('now')),
    priority      INTEGER NOT NULL DEFAULT 2 CHECK (priority BETWEEN 0 AND 4),
    resolution    TEXT CHECK (resolution IN ('landed', 'no-change', 'answered', 'approved', 'rejected',
                                             'passed', 'failed', 'cancelled', 'duplicate')),
    not_before    INTEGER NOT NULL DEFAULT 0,     -- Unix seconds; 0: at once
    attempt       INTEGER NOT NULL DEFAULT 0,     -- number of the latest attempt
    failures      INTEGER NOT NULL DEFAULT 0,     -- attempts that count against max_attempts
    open_blockers INTEGER NOT NULL DEFAULT 0 CHECK (open_blockers >= 0),
    CHECK ((status = 'done') = (resolution IS NOT NULL))
);
INSERT INTO tickets_new (id, title, description, status, type, assigned_to, parent_id, created_by,
                         created_at, updated_at, resolution, open_blockers)
SELECT id, title, description,
       CASE WHEN status IN ('open', 'in_progress', 'ready', 'done') THEN status ELSE 'open' END,
       type, assigned_to, parent_id, created_by, created_at, updated_at,
       CASE WHEN status <> 'done' THEN NULL
            WHEN type = 'question' THEN 'answered'
            WHEN type = 'proposal' THEN 'approved'
            WHEN type = 'verify' THEN 'passed'
            ELSE 'landed' END,
       (SELECT count(*) FROM blockers b JOIN tickets o ON o.id = b.blocked_by
        WHERE b.ticket_id = tickets.id AND o.status <> 'done')
FROM tickets;
DROP TABLE tickets;
ALTER TABLE tickets_new RENAME TO tickets;

CREATE INDEX tickets_claimable ON tickets (priority, id)
    WHERE status = 'open' AND assigned_to IS NULL AND open_blockers = 0;
CREATE INDEX tickets_parent ON tickets (parent_id) WHERE parent_id IS NOT NULL;
CREATE INDEX blockers_blocked_by ON blockers (blocked_by);
CREATE INDEX comments_ticket ON comments (ticket_id);
CREATE INDEX activity_ticket ON activity_log (ticket_id);

-- A done ticket stays done; `Status::after` says the same.
CREATE TRIGGER tickets_done_is_final BEFORE UPDATE OF status ON tickets
    WHEN OLD.status = 'done' AND NEW.status <> 'done'
BEGIN
    SELECT RAISE(ABORT, 'a done ticket stays done');
END;

CREATE TRIGGER blockers_added AFTER INSERT ON blockers
    WHEN (SELECT status FROM tickets WHERE id = NEW.blocked_by) <> 'done'
BEGIN
    UPDATE tickets SET open_blockers = open_blockers + 1 WHERE id = NEW.ticket_id;
END;
CREATE TRIGGER blockers_removed AFTER DELETE ON blockers
    WHEN (SELECT status FROM tickets WHERE id = OLD.blocked_by) <> 'done'
BEGIN
    UPDATE tickets SET open_blockers = open_blockers - 1 WHERE id = OLD.ticket_id;
END;
CREATE TRIGGER blockers_freed AFTER UPDATE OF status ON tickets
    WHEN NEW.status = 'done' AND OLD.status <> 'done'
BEGIN
    UPDATE tickets SET open_blockers = open_blockers - 1
    WHERE id IN (SELECT ticket_id FROM blockers WHERE blocked_by = NEW.id);
END;

-- One row for each claim of one ticket by one agent. It is live until `ended_at` is set.
CREATE TABLE attempts (
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
);
CREATE UNIQUE INDEX attempts_live ON attempts (ticket_id) WHERE ended_at IS NULL;
CREATE UNIQUE INDEX attempts_token ON attempts (token_hash) WHERE token_hash IS NOT NULL;

-- One row for each submission to the landing queue.
CREATE TABLE landings (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    ticket_id   INTEGER NOT NULL,
    attempt     INTEGER NOT NULL,
    commit_id   TEXT NOT NULL,                     -- what was submitted
    candidate   TEXT,                              -- the commit that was verified
    state       TEXT NOT NULL DEFAULT 'queued'
                CHECK (state IN ('queued', 'verifying', 'held', 'landed', 'bounced', 'cancelled')),
    approved_by TEXT,                              -- who let a change of protected paths pass
    summary     TEXT,
    reason      TEXT,
    log_tail    TEXT,
    submitted_at TEXT NOT NULL DEFAULT (datetime('now')),
    finished_at TEXT,
    FOREIGN KEY (ticket_id, attempt) REFERENCES attempts (ticket_id, number)
);
CREATE UNIQUE INDEX landings_live ON landings (ticket_id) WHERE state IN ('queued', 'verifying', 'held');
CREATE INDEX landings_attempt ON landings (ticket_id, attempt);

-- Who may speak on the agents' listener. Secrets are kept as SHA-256 only.
CREATE TABLE agents (
    name       TEXT PRIMARY KEY,
    role       TEXT NOT NULL CHECK (role IN ('worker', 'verifier')),
    container  TEXT,
    code_hash  TEXT,                               -- one-time enrolment code
    token_hash TEXT,
    created_at TEXT NOT NULL DEFAULT (datetime('now')),
    seen_at    TEXT
);
CREATE UNIQUE INDEX agents_code ON agents (code_hash) WHERE code_hash IS NOT NULL;
CREATE UNIQUE INDEX agents_token ON agents (token_hash) WHERE token_hash IS NOT NULL;

-- An idle agent that was asked for a proposal.
CREATE TABLE proposal_runs (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    agent      TEXT NOT NULL,
    token_hash TEXT NOT NULL UNIQUE,
    ticket_id  INTEGER REFERENCES tickets(id),
    reason     TEXT,
    started_at TEXT NOT NULL DEFAULT (datetime('now')),
    ended_at   TEXT
);

CREATE TABLE settings (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
);
