-- Save refreshed tokens. Does not overwrite tokens that the application refreshed in the meantime.
UPDATE public.calendar_connections
SET refresh_token = coalesce(%(new_refresh_token)s, refresh_token),
    access_token = CASE
        WHEN access_token IS NOT DISTINCT FROM %(access_token)s THEN %(new_access_token)s
        ELSE access_token
    END,
    token_expires_at = CASE
        WHEN access_token IS NOT DISTINCT FROM %(access_token)s THEN %(token_expires_at)s
        ELSE token_expires_at
    END
WHERE id = %(connection_id)s AND refresh_token = %(refresh_token)s
