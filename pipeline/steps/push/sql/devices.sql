-- The devices of claimed deliveries. In: ids. Out: id, person, token, platform.
SELECT id, user_id, token, platform FROM fanout.device_tokens WHERE id = ANY (%(ids)s)
