-- Whose token it is. In: its SHA-256. Out: its name and scopes; no row if it is not valid.
SELECT token_name, token_scopes FROM fanout.use_token(%(sha256)s)
