-- Record the forms of messages that arrived. In: forms, in alphabetical order.
INSERT INTO fanout.messages_seen AS seen (form)
SELECT form FROM unnest(%(forms)s::text[]) AS form
ON CONFLICT (form) DO UPDATE SET last_seen_at = now()
WHERE seen.last_seen_at < now()
