-- The ledger anew, some hundred entries a row: most of a merge was work for rows.
ALTER TABLE ledger RENAME TO ledger_of_rows;

-- Entries as in a batch, sorted by identity, up to last and above that of the row before.
CREATE TABLE ledger (
    last INTEGER PRIMARY KEY,
    entries BLOB NOT NULL
) STRICT;
