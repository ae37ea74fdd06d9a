-- A channel may have been made, and nobody knows: it is to be stopped by whoever comes next.
UPDATE fanout.calendar_channels
SET state = 'stopping', claimed_until = now()
WHERE id = %(id)s AND state = 'making'
