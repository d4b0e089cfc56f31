-- Objects are told by SipHash from here on. What a version before has written is told by SHA-256 and found by it, until all of
-- it is swept; this is when its successor came, milliseconds since 1970.
INSERT INTO mark SELECT 'sha-256', 1000 * unixepoch()
WHERE EXISTS (SELECT 1 FROM ledger) OR EXISTS (SELECT 1 FROM batch);
