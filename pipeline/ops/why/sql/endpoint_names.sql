-- The names of endpoints, by their ids as text. In: ids. One that was removed has no name any more.
SELECT id::text, name FROM fanout.webhook_endpoints WHERE id::text = ANY (%(ids)s::text[])
