-- Labels, learnings, threads, parents that wait for their children, and full-text search.

ALTER TABLE tickets ADD COLUMN wait_for_children INTEGER NOT NULL DEFAULT 0
    CHECK (wait_for_children IN (0, 1));
ALTER TABLE comments ADD COLUMN reply_to INTEGER REFERENCES comments(id);

-- The claim reads nothing but this index, whatever it skips.
DROP INDEX tickets_claimable;
CREATE INDEX tickets_claimable ON tickets (priority, id, not_before, failures, type)
    WHERE status = 'open' AND assigned_to IS NULL AND open_blockers = 0;
CREATE INDEX tickets_unfinished ON tickets (id) WHERE status <> 'done';

-- A parent that waits for its children counts the open ones among its open blockers. Tickets are
-- inserted without a parent and get it afterwards.
CREATE TRIGGER children_moved AFTER UPDATE OF parent_id ON tickets
    WHEN NEW.parent_id IS NOT OLD.parent_id AND NEW.status <> 'done'
BEGIN
    UPDATE tickets SET open_blockers = open_blockers - 1
    WHERE id = OLD.parent_id AND wait_for_children = 1;
    UPDATE tickets SET open_blockers = open_blockers + 1
    WHERE id = NEW.parent_id AND wait_for_children = 1;
END;
DROP TRIGGER blockers_freed;
CREATE TRIGGER tickets_finished AFTER UPDATE OF status ON tickets
    WHEN NEW.status = 'done' AND OLD.status <> 'done'
BEGIN
    UPDATE tickets SET open_blockers = open_blockers - 1
    WHERE id IN (SELECT ticket_id FROM blockers WHERE blocked_by = NEW.id);
    UPDATE tickets SET open_blockers = open_blockers - 1
    WHERE id = NEW.parent_id AND wait_for_children = 1;
END;

CREATE TABLE labels (
    ticket_id INTEGER NOT NULL REFERENCES tickets(id),
    label     TEXT NOT NULL CHECK (length(label) BETWEEN 1 AND 64),
    rank      INTEGER,                              -- the ticket's priority while it is claimable
    PRIMARY KEY (ticket_id, label)
) WITHOUT ROWID;
CREATE INDEX labels_label ON labels (label, ticket_id);

-- A claim by label reads the claimable tickets with that label and no others. Whoever inserts a label
-- gives it its rank; from then on the trigger keeps it.
CREATE INDEX labels_claimable ON labels (label, rank, ticket_id) WHERE rank IS NOT NULL;
CREATE TRIGGER labels_ranked AFTER UPDATE OF status, assigned_to, open_blockers, priority ON tickets
    WHEN EXISTS (SELECT 1 FROM labels WHERE ticket_id = NEW.id)
BEGIN
    UPDATE labels SET rank = CASE WHEN NEW.status = 'open' AND NEW.assigned_to IS NULL
                                   AND NEW.open_blockers = 0 THEN NEW.priority END
    WHERE ticket_id = NEW.id;
END;

-- What an agent or a person found out, for those who come after.
CREATE TABLE learnings (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    body       TEXT NOT NULL,
    category   TEXT NOT NULL DEFAULT 'general',
    author     TEXT NOT NULL,
    ticket_id  INTEGER REFERENCES tickets(id),
    created_at TEXT NOT NULL DEFAULT (datetime('now'))
);
CREATE UNIQUE INDEX learnings_body ON learnings (category, body);

-- The words of titles, descriptions and comments. The texts stay in their own tables.
CREATE VIRTUAL TABLE tickets_fts USING fts5 (
    title, description, content = 'tickets', content_rowid = 'id',
    tokenize = 'unicode61 remove_diacritics 2'
);
CREATE VIRTUAL TABLE comments_fts USING fts5 (
    body, content = 'comments', content_rowid = 'id',
    tokenize = 'unicode61 remove_diacritics 2'
);
INSERT INTO tickets_fts (tickets_fts) VALUES ('rebuild');
INSERT INTO comments_fts (comments_fts) VALUES ('rebuild');
-- Writers merge the parts of the index seldom: searches stay fast, and most writes merge nothing.
INSERT INTO tickets_fts (tickets_fts, rank) VALUES ('automerge', 16);
INSERT INTO comments_fts (comments_fts, rank) VALUES ('automerge', 16);

CREATE TRIGGER tickets_fts_added AFTER INSERT ON tickets
BEGIN
    INSERT INTO tickets_fts (rowid, title, description)
    VALUES (NEW.id, NEW.title, NEW.description);
END;
CREATE TRIGGER tickets_fts_changed AFTER UPDATE OF title, description ON tickets
    WHEN NEW.title IS NOT OLD.title OR NEW.description IS NOT OLD.description
BEGIN
    INSERT INTO tickets_fts (tickets_fts, rowid, title, description)
    VALUES ('delete', OLD.id, OLD.title, OLD.description);
    INSERT INTO tickets_fts (rowid, title, description)
    VALUES (NEW.id, NEW.title, NEW.description);
END;
CREATE TRIGGER comments_fts_added AFTER INSERT ON comments
BEGIN
    INSERT INTO comments_fts (rowid, body) VALUES (NEW.id, NEW.body);
END;
