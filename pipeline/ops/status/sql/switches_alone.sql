-- What is held back in a database without the ledger of the fan-out, where none of its events can wait.
SELECT
    name,
    state,
    who,
    reason,
    extract(epoch FROM now() - since)::float8 AS since_seconds,
    extract(epoch FROM until - now())::float8 AS until_seconds,
    0::bigint AS waiting
FROM fanout.switches
ORDER BY name
