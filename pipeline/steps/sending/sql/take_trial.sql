-- Take the one trial of an open breaker that has cooled off, if a delivery is there to be the trial.
-- In: name; channel, of the delivery. Out: a row if it is ours: when another worker may take one.
UPDATE fanout.switches SET until = now() + make_interval(secs => cool_off_seconds)
WHERE name = %(name)s AND state = 'open' AND until <= now() AND (
    EXISTS (
        SELECT FROM fanout.deliveries
        WHERE channel = %(channel)s
            AND state IN ('pending', 'waiting', 'leased') AND next_attempt_at <= now()
    )
    OR EXISTS (
        SELECT FROM fanout.deliveries AS record
        WHERE record.channel = %(channel)s AND record.state = 'paused' AND NOT EXISTS (
            SELECT FROM fanout.switches AS switch WHERE switch.name = record.switch
        )
    )
)
RETURNING until
