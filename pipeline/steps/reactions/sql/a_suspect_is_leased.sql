EXISTS (
    SELECT FROM fanout.reactions AS other
    WHERE other.state = 'leased' AND other.losses >= 2
        AND other.next_attempt_at > now()
)
