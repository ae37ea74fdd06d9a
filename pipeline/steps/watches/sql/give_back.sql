-- Leave a channel that may have been made to the next run, which stops it.
UPDATE fanout.calendar_channels
SET state = 'stopping', claimed_until = now()
WHERE id = %(id)s AND state = 'making'
