-- The state of a dead event of reactions in the ledger, without its payload. In: reaction, its id.
-- Always one row.
SELECT (SELECT state FROM fanout.reactions WHERE event_id = %(reaction)s::uuid) AS event_state,
       NULL::text AS payload,
       NULL::int AS payload_characters
