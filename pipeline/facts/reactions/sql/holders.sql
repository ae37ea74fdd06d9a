-- Who has an inbox item of these things. In: asked, [{number, item_type, item_id}].
SELECT asked.number, item.user_id
FROM jsonb_to_recordset(%(asked)s::jsonb) AS asked (number int, item_type text, item_id uuid)
JOIN reactions.inbox_items AS item USING (item_type, item_id)
ORDER BY asked.number, item.user_id
