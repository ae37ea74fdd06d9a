-- Sets those settings that the server knows, for the session or the transaction. In: {name: value},
-- and a mark that the session must have (null: any session). No row: the session has another mark.
SELECT set_config(setting.name, setting.value, %(local)s::boolean)
FROM jsonb_each_text(%(settings)s::jsonb) AS setting (name, value)
WHERE (current_setting(setting.name, true) IS NOT NULL OR setting.name LIKE '%%.%%')
AND (%(mark)s::text IS NULL OR current_setting('fanout.mark', true) = %(mark)s)
AND (
    setting.name <> 'lc_messages'
    OR (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user)
)
