-- Hold a name back until it is resumed; a breaker that is open becomes a pause.
-- In: name, reason. Out: whether it was paused before, and how it stands now.
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
