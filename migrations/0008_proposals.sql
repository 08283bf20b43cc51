-- Proposal runs that ended without a proposal, repeated what is known, or are taken up again.

ALTER TABLE proposal_runs ADD COLUMN empty INTEGER NOT NULL DEFAULT 0;    -- 1: it ended by itself and proposed nothing
ALTER TABLE proposal_runs ADD COLUMN refused INTEGER NOT NULL DEFAULT 0;  -- how often it repeated what is known
ALTER TABLE proposal_runs ADD COLUMN session_id TEXT;
ALTER TABLE proposal_runs ADD COLUMN tries INTEGER NOT NULL DEFAULT 1;    -- how many agents had it
ALTER TABLE proposal_runs ADD COLUMN left_at INTEGER;                     -- Unix seconds; its agent is gone, the next idle one takes it up

-- What an idle agent must not propose again.
CREATE INDEX tickets_proposed ON tickets (id)
    WHERE type = 'proposal' AND (status <> 'done' OR resolution = 'rejected');
