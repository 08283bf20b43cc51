-- The reference system's second schema: tickets have a type.
ALTER TABLE tickets ADD COLUMN type TEXT NOT NULL DEFAULT 'task'
    CHECK (type IN ('task', 'proposal', 'question'));
