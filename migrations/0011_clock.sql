-- What a clock that was set back must not make longer.

ALTER TABLE tickets ADD COLUMN wait_seconds INTEGER NOT NULL DEFAULT 0;  -- how long the queue makes it wait until not_before; 0: not_before is somebody's wish
