record.order_key IS NOT NULL AND record.state <> 'leased' AND EXISTS (
                SELECT FROM fanout.reactions AS other
                WHERE other.order_key = record.order_key AND other.sequence <> record.sequence
                    AND (
                        other.state = 'leased'
                        OR other.state IN ('pending', 'waiting', 'paused')
                            AND (other.ordinal, other.sequence)
                                < (record.ordinal, record.sequence)
                        OR record.ordinal IS NULL AND other.state IN ('pending', 'waiting')
                            AND other.next_attempt_at <= now()
                            AND (other.next_attempt_at, other.sequence)
                                < (record.next_attempt_at, record.sequence)
                    )
            )
