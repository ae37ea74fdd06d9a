-- These channels are no more.
DELETE FROM fanout.calendar_channels WHERE id = ANY (%(ids)s::uuid[])
