-- Note which deliveries have taken their row of pending_emails. In: sequences.
UPDATE fanout.deliveries SET source_taken_at = now() WHERE sequence = ANY (%(sequences)s)
