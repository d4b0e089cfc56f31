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

-- The ledger anew, with half the identity as the row's own number: half as much work to merge, and a fifth less on disk. Of
-- ten million objects two share a number once in 370,000 journals, and are then warmed more often than they need.
ALTER TABLE ledger RENAME TO old_ledger;
ALTER TABLE arrived RENAME TO old_arrived;

-- identity: 64 bits of a hash of cache, bucket and key. value: 64 bits of a hash of ETag and size.
-- sent: when the request was sent, seconds since 1970. filled: what the cache's count was then, in MiB, rounded down.
CREATE TABLE ledger (
    identity INTEGER PRIMARY KEY,
    value INTEGER NOT NULL,
    sent INTEGER NOT NULL,
    filled INTEGER NOT NULL
) STRICT;

-- The same in the order of arrival until it is merged, many entries a row: 8 bytes each for identity, value, sent and
-- filled, the highest first. No number is given twice: who merges drops what it has seen, and nothing that came later.
CREATE TABLE batch (
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    url TEXT NOT NULL,
    entries BLOB NOT NULL
) STRICT;
