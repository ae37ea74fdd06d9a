-- The breaker of a type: it opens, opens again for longer, and closes when its handler works again.

GRANT DELETE, INSERT (name, state, reason, until, failures, fingerprint, cool_off_seconds),
    UPDATE (until, failures, cool_off_seconds)
    ON fanout.switches TO fanout_reactions;
