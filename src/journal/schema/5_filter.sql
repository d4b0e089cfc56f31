-- Which identities the ledger may hold: Bloom filters of some thousand neighbours each, up to last and above that of the row
-- before. What is not in the ledger is on a page of its own there, and with thousands of others here.
CREATE TABLE filter (
    last INTEGER PRIMARY KEY,
    bits BLOB NOT NULL
) STRICT;
