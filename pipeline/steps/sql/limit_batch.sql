-- Limit the locks of this transaction. In: milliseconds, as text.
--
-- A statement that takes longer is cancelled, and so is a transaction whose client is silent for longer.
-- A commit does not wait for the disk: a crash undoes the deletions of the last moment and the mark that
-- moved with them together, and the next run deletes them again.
SELECT set_config('statement_timeout', %(milliseconds)s, true),
       set_config('idle_in_transaction_session_timeout', %(milliseconds)s, true),
       set_config('synchronous_commit', 'off', true)
