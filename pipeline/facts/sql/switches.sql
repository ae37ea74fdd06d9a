-- The switches that hold something back now; usually none. may_try: an open breaker has cooled off.
SELECT name, state, coalesce(until <= now(), false) AS may_try, fingerprint, cool_off_seconds
FROM fanout.switches
