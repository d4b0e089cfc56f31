-- Entries take half the room: most of what recording costs was to write pages. The tables have other names, so that no
-- process of a version before takes what is in them for what it knows.
ALTER TABLE ledger RENAME TO wide_ledger;
ALTER TABLE batch RENAME TO wide_batch;

-- Entries sorted by identity, up to last and above that of the row before. First the earliest `sent` and the least `filled` of
-- them, 8 bytes each, and in how many bytes the rest of each is written, a byte each; then for each entry 8 bytes of
-- identity, 8 of value, and what sent and filled have beyond that. The highest byte comes first. What they mean is as before.
CREATE TABLE leaf (
    last INTEGER PRIMARY KEY,
    entries BLOB NOT NULL
) STRICT;

-- The same in the order of arrival until it is merged. No number is given twice: who merges drops what it has seen, and
-- nothing that came later.
CREATE TABLE arrived (
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    url TEXT NOT NULL,
    -- How many entries.
    count INTEGER NOT NULL,
    entries BLOB NOT NULL
) STRICT;
