-- Times are milliseconds since 1970.
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
    line TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX run_of_profile ON run (profile, id);
CREATE INDEX run_going_on ON run (id) WHERE outcome = 'running';

CREATE TABLE failure (
    run TEXT NOT NULL,
    n INTEGER NOT NULL,
    class TEXT NOT NULL,
    bucket TEXT NOT NULL,
    key BLOB NOT NULL,
    message TEXT NOT NULL,
    PRIMARY KEY (run, n)
) STRICT, WITHOUT ROWID;
