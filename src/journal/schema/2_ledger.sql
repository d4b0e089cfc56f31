-- Bytes that hotset has filled through each cache, ever.
CREATE TABLE cache (
    url TEXT PRIMARY KEY,
    filled INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- identity: 128 bits of a hash of cache, bucket and key. value: 64 bits of a hash of ETag and size.
-- sent: when the request was sent, seconds since 1970. filled: what the cache's count was then, in MiB, rounded down.
CREATE TABLE ledger (
    identity BLOB PRIMARY KEY,
    value INTEGER NOT NULL,
    sent INTEGER NOT NULL,
    filled INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The same in the order of arrival, until it is merged.
CREATE TABLE arrived (
    n INTEGER PRIMARY KEY,
    identity BLOB NOT NULL,
    value INTEGER NOT NULL,
    sent INTEGER NOT NULL,
    filled INTEGER NOT NULL
) STRICT;

-- When housekeeping was last done, milliseconds since 1970.
CREATE TABLE mark (
    name TEXT PRIMARY KEY,
    at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
