-- Which process carries it out: a name that no two processes share.
ALTER TABLE run ADD COLUMN process TEXT;
-- The cache that it sends requests to, once it does.
ALTER TABLE run ADD COLUMN cache_url TEXT;
-- It was interrupted, and is to be taken up again.
ALTER TABLE run ADD COLUMN resumable INTEGER NOT NULL DEFAULT 0;
-- It warms what is fresh, too.
ALTER TABLE run ADD COLUMN rewarm INTEGER NOT NULL DEFAULT 0;

CREATE INDEX run_of_due ON run (profile, due) WHERE due IS NOT NULL;

-- What is known of a profile beside its runs. Times are milliseconds since 1970.
CREATE TABLE profile (
    name TEXT PRIMARY KEY,
    -- Fires up to here have been dealt with, under this timetable.
    watermark INTEGER,
    timetable TEXT,
    -- In force, with or without a run.
    fingerprint TEXT,
    paused INTEGER,
    paused_until INTEGER,
    -- Whether a pause was ever set or lifted here.
    pause_set INTEGER NOT NULL DEFAULT 0,
    last_due INTEGER,
    last_complete_due INTEGER
) STRICT, WITHOUT ROWID;

-- The texts of the last configuration that was taken, in the order of reading.
CREATE TABLE source (
    n INTEGER PRIMARY KEY,
    layer INTEGER NOT NULL,
    name TEXT NOT NULL,
    text TEXT NOT NULL
) STRICT;
