-- Delete channels that do not exist any more.
DELETE FROM fanout.calendar_channels WHERE id = ANY (%(ids)s::uuid[])
