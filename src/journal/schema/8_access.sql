-- The team whose file it is: read back as trusted it could say anything.
ALTER TABLE source ADD COLUMN team TEXT;

-- Who asked the daemon for what, and who was not let in. Times are milliseconds since 1970.
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
