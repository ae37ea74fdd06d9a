-- Wait until no other transaction moves the mark of the ledger; held until the end of this one.
SELECT pg_advisory_xact_lock(hashtextextended('fanout.retention_marks', 0))
