-- Finds who holds locks on the tables that we use, and who waits for them.
--
-- In: tables, those of the application; rows_of, a table with a row whose lock timed out, or null;
-- waited, the timeout in seconds. Out: one row for each table and holder, the longest first.
--
-- A holder is one of these: the session at the end of a queue of sessions that wait for one another;
-- a session whose lock blocks reads or writes of the table, even if no session waits yet; a session
-- that has locked rows of rows_of for as long as the timeout. A user who is not a member of
-- pg_read_all_stats cannot see when a transaction of another user began.
WITH RECURSIVE lock AS MATERIALIZED (
    SELECT * FROM pg_catalog.pg_locks WHERE pid IS DISTINCT FROM pg_backend_pid()
),
session AS MATERIALIZED (
    SELECT pid, usename, application_name, xact_start
    FROM pg_catalog.pg_stat_activity
    WHERE datname = current_database()
),
ours AS MATERIALIZED (
    SELECT relation.oid AS relation, relation.relname AS name
    FROM pg_catalog.pg_class AS relation
    JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = relation.relnamespace
    WHERE namespace.nspname = 'fanout'
        OR namespace.nspname = 'public' AND (
            relation.relname = ANY (%(tables)s::text[])
            OR starts_with(relation.relname, 'fanout_')
            OR relation.relname IN ('event_dead_letters', 'notification_decisions')
        )
),
waiting AS MATERIALIZED (
    SELECT waiter.pid, waiter.waitstart, session.application_name,
           -- A session that waits for a row waits for the transaction that changed it. It holds a
           -- tuple lock on the row.
           coalesce(waiter.relation, (
               SELECT max(row_.relation)
               FROM lock AS row_
               WHERE row_.pid = waiter.pid AND row_.locktype = 'tuple' AND row_.granted
           )) AS relation
    FROM lock AS waiter
    JOIN session ON session.pid = waiter.pid
    WHERE NOT waiter.granted
),
queue (pid, holder, length) AS (
    SELECT waiting.pid, blocking.pid, 1
    FROM waiting, unnest(pg_blocking_pids(waiting.pid)) AS blocking (pid)
    UNION
    SELECT queue.pid, blocking.pid, queue.length + 1
    FROM queue, unnest(pg_blocking_pids(queue.holder)) AS blocking (pid)
    WHERE queue.length < 16
),
held AS (
    SELECT waiting.relation, queue.holder AS pid, waiting.pid AS waiter, waiting.application_name,
           waiting.waitstart
    FROM queue
    JOIN waiting ON waiting.pid = queue.pid
    WHERE NOT EXISTS (SELECT FROM waiting AS other WHERE other.pid = queue.holder)
        AND (
            waiting.relation IN (SELECT relation FROM ours)
            OR starts_with(waiting.application_name, 'fanout')
        )
    UNION
    SELECT lock.relation, coalesce(lock.pid, 0), NULL, NULL, NULL
    FROM lock
    JOIN ours ON ours.relation = lock.relation
    WHERE lock.granted
        AND lock.locktype = 'relation'
        AND (
            lock.mode IN (
                'AccessExclusiveLock', 'ExclusiveLock', 'ShareRowExclusiveLock', 'ShareLock')
            OR lock.mode IN ('RowShareLock', 'RowExclusiveLock')
                AND ours.name = %(rows_of)s
                AND EXISTS (
                    SELECT
                    FROM session
                    WHERE session.pid = lock.pid
                        AND coalesce(session.xact_start, '-infinity')
                            < clock_timestamp() - make_interval(secs => %(waited)s)
                )
        )
)
SELECT format('%%I.%%I', namespace.nspname, relation.relname) AS table_name,
       held.pid,
       coalesce(session.application_name, '') AS application,
       session.usename::text AS user_name,
       to_char(session.xact_start AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS since,
       extract(epoch FROM clock_timestamp() - session.xact_start)::float8 AS seconds,
       array_remove(array_agg(DISTINCT held.application_name), NULL) AS waiting,
       count(DISTINCT held.waiter)::int AS waiters,
       extract(epoch FROM clock_timestamp() - min(held.waitstart))::float8 AS waited_seconds
FROM held
LEFT JOIN session ON session.pid = held.pid
LEFT JOIN pg_catalog.pg_class AS relation ON relation.oid = held.relation
LEFT JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = relation.relnamespace
GROUP BY 1, 2, 3, 4, session.xact_start
ORDER BY count(held.waiter) > 0 DESC, session.xact_start NULLS LAST, held.pid
