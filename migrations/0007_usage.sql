-- What agents used of their accounts, and budgets.

ALTER TABLE tickets ADD COLUMN max_budget_microusd INTEGER CHECK (max_budget_microusd > 0);
ALTER TABLE tickets ADD COLUMN spent_microusd INTEGER NOT NULL DEFAULT 0;  -- the sum of its usage

-- The claim reads nothing but this index, whatever it skips.
DROP INDEX tickets_claimable;
CREATE INDEX tickets_claimable ON tickets
    (priority, id, not_before, failures, type, spent_microusd, max_budget_microusd)
    WHERE status = 'open' AND assigned_to IS NULL AND open_blockers = 0;

-- One row for each model that one run of an agent CLI used on one day. What a run used is the sum
-- over its days; a day's row may be negative when an estimate of the day before was too high.
CREATE TABLE usage (
    ticket_id          INTEGER,                    -- NULL: of a proposal run
    attempt            INTEGER NOT NULL,           -- its number, or the proposal run's
    run                INTEGER NOT NULL CHECK (run > 0),
    model              TEXT NOT NULL,
    day                TEXT NOT NULL,              -- where the hub runs
    agent              TEXT NOT NULL,
    backend            TEXT NOT NULL,
    phase              TEXT NOT NULL
                       CHECK (phase IN ('work', 'verify-failed', 'conflict', 'bounced', 'propose')),
    input_tokens       INTEGER NOT NULL,
    output_tokens      INTEGER NOT NULL,
    cache_read_tokens  INTEGER NOT NULL,
    cache_write_tokens INTEGER NOT NULL,
    cost_microusd      INTEGER,                    -- NULL: not known
    is_last            INTEGER NOT NULL,           -- 1: the run's last word
    started_at         TEXT NOT NULL DEFAULT (datetime('now')),
    updated_at         TEXT NOT NULL DEFAULT (datetime('now')),
    FOREIGN KEY (ticket_id, attempt) REFERENCES attempts (ticket_id, number)
);
CREATE UNIQUE INDEX usage_run ON usage (coalesce(ticket_id, 0), attempt, run, model, day);
