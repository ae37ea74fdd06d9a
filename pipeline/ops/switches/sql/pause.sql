-- Pauses a name until it is resumed. An open breaker becomes a pause.
-- In: name, reason. Out: whether it was paused before, and the pause now.
WITH earlier AS (
    SELECT FROM fanout.switches WHERE name = %(name)s AND state = 'paused'
)
INSERT INTO fanout.switches AS switch (name, state, reason)
VALUES (%(name)s, 'paused', %(reason)s)
ON CONFLICT (name) DO UPDATE SET
    state = 'paused',
    reason = coalesce(excluded.reason, CASE WHEN switch.state = 'paused' THEN switch.reason END),
    who = CASE WHEN switch.state = 'paused' THEN switch.who ELSE excluded.who END,
    since = CASE WHEN switch.state = 'paused' THEN switch.since ELSE excluded.since END,
    until = NULL
RETURNING EXISTS (SELECT FROM earlier) AS before, reason, who, since
