-- Let leases end without a loss. In: sequences, tokens.
UPDATE fanout.reactions SET losses = losses - 1
WHERE sequence = ANY (%(sequences)s) AND lease_token = ANY (%(tokens)s) AND state = 'leased'
