-- Open the breaker of a name, unless it already has a switch.
-- In: name, reason, seconds, failures, fingerprint. Out: a row if it was opened.
INSERT INTO fanout.switches (
    name, state, reason, until, failures, fingerprint, cool_off_seconds
)
VALUES (
    %(name)s, 'open', %(reason)s, now() + make_interval(secs => %(seconds)s), %(failures)s,
    %(fingerprint)s, %(seconds)s
)
ON CONFLICT (name) DO NOTHING
RETURNING name
