-- How many open dead letters that meet these conditions name no row. Letters of other families may
-- name a row that is not an event.
SELECT count(*)
FROM public.event_dead_letters AS letter
WHERE letter.resolved_at IS NULL
AND letter.letter_key LIKE 'sha256:%%'
AND (%(fingerprint)s::text IS NULL OR letter.fingerprint = %(fingerprint)s)
AND (%(event_type)s::text IS NULL OR letter.event_type = %(event_type)s)
AND (%(since)s::timestamptz IS NULL OR letter.created_at >= %(since)s)
AND (%(until)s::timestamptz IS NULL OR letter.created_at < %(until)s)
