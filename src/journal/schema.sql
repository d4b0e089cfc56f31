-- The schema of a journal. A change of it is another user_version: a journal of another one is moved aside.
-- Times are milliseconds since 1970, where nothing else is said.
PRAGMA user_version = 1;

CREATE TABLE run (
    id TEXT PRIMARY KEY,
    -- What no second live run may hold.
    claim TEXT NOT NULL,
    profile TEXT NOT NULL,
    endpoint TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    "trigger" TEXT NOT NULL,
    due INTEGER,
    missed INTEGER NOT NULL,
    resumes INTEGER NOT NULL,
    started INTEGER NOT NULL,
    -- When it was last heard of; of a run that was interrupted, its end.
    seen INTEGER NOT NULL,
    ended INTEGER,
    outcome TEXT NOT NULL,
    reason TEXT,
    -- What was recorded as warmed so far.
    objects INTEGER NOT NULL DEFAULT 0,
    bytes INTEGER NOT NULL DEFAULT 0,
    -- The JSON line of the run, as `warm --json` prints it.
    line TEXT NOT NULL,
    -- Which process carries it out: a name that no two processes share.
    process TEXT NOT NULL,
    -- The cache that it sends requests to, once it does.
    cache_url TEXT,
    -- It was interrupted, and is to be taken up again.
    resumable INTEGER NOT NULL DEFAULT 0,
    -- It warms what is fresh, too.
    rewarm INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE INDEX run_of_profile ON run (profile, id);
CREATE INDEX run_going_on ON run (id) WHERE outcome = 'running';
CREATE INDEX run_of_due ON run (profile, due) WHERE due IS NOT NULL;

CREATE TABLE failure (
    run TEXT NOT NULL,
    n INTEGER NOT NULL,
    class TEXT NOT NULL,
    bucket TEXT NOT NULL,
    key BLOB NOT NULL,
    message TEXT NOT NULL,
    PRIMARY KEY (run, n)
) STRICT, WITHOUT ROWID;

-- What is known of a profile beside its runs.
CREATE TABLE profile (
    name TEXT PRIMARY KEY,
    -- Fires up to here have been dealt with, under this timetable.
    watermark INTEGER,
    timetable TEXT,
    -- In force, with or without a run.
    applied_fingerprint TEXT,
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
    text TEXT NOT NULL,
    -- The team whose file it is: read back as trusted it could say anything.
    team TEXT
) STRICT;

-- Who asked the daemon for what, and who was not let in.
CREATE TABLE audit (
    n INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    act TEXT NOT NULL,
    -- A profile, a run, or the path that was asked for.
    what TEXT NOT NULL,
    -- What the token is called, and the address that the request came from.
    who TEXT NOT NULL,
    address TEXT,
    result TEXT NOT NULL,
    -- How many like it were refused since the entry before.
    times INTEGER NOT NULL
) STRICT;

-- When something was last done: housekeeping, a probe, a configuration taken.
CREATE TABLE last_time (
    name TEXT PRIMARY KEY,
    at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Bytes that hotset has filled through each cache, ever.
CREATE TABLE cache (
    url TEXT PRIMARY KEY,
    filled INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The ledger's append log: entries in the order of their arrival, until they are merged into sorted_page. An entry has four
-- numbers of 8 bytes, the highest byte first: a hash of cache, bucket and key; a hash of ETag and size; when the request was
-- sent, in seconds since 1970; the cache's count of filled bytes then, in MiB, rounded down. No n is given twice: a merge
-- deletes what it has read, and nothing that came later.
CREATE TABLE append_log (
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    url TEXT NOT NULL,
    entries BLOB NOT NULL
) STRICT;

-- The ledger's sorted entries: up to the hash last, and above last of the row before. Each row fills a page of SQLite's.
CREATE TABLE sorted_page (
    last INTEGER PRIMARY KEY,
    entries BLOB NOT NULL
) STRICT;
