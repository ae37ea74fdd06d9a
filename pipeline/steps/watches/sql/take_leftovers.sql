-- Claim the channels of a connection that must be stopped, including those of a process that died.
UPDATE fanout.calendar_channels
SET state = 'stopping', claimed_until = now() + %(lease)s::interval
WHERE connection_id = %(connection_id)s AND claimed_until <= now()
RETURNING id, channel_id, resource_id
