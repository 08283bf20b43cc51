-- Every call of `ticket` reads the schema and writes what hangs on a row: less of both.

-- The full-text index has a file of its own beside this one (`tickets.db-search`).
DROP TRIGGER tickets_fts_added;
DROP TRIGGER tickets_fts_changed;
DROP TRIGGER comments_fts_added;
DROP TABLE tickets_fts;
DROP TABLE comments_fts;

-- 'done' and the resolution come and go together, so a claim need not carry this trigger along.
DROP TRIGGER tickets_finished;
CREATE TRIGGER tickets_finished AFTER UPDATE OF resolution ON tickets
    WHEN (NEW.resolution IS NULL) <> (OLD.resolution IS NULL)
BEGIN
    SELECT RAISE(ABORT, 'a done ticket stays done') WHERE OLD.resolution IS NOT NULL;
    UPDATE tickets SET open_blockers = open_blockers - 1
    WHERE id IN (SELECT ticket_id FROM blockers WHERE blocked_by = NEW.id);
    UPDATE tickets SET open_blockers = open_blockers - 1
    WHERE id = NEW.parent_id AND wait_for_children = 1;
END;

-- There are as many rows as agents: a look at all of them is as quick.
DROP INDEX agents_code;
DROP INDEX agents_token;
