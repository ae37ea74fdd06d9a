record.order_key IS NOT NULL AND record.state <> 'leased' AND (
                EXISTS (
                    SELECT FROM fanout.reactions AS other
                    WHERE other.order_key = record.order_key AND other.state = 'leased'
                )
                -- Only the first one of a key may be claimed: an index has it in front.
                OR record.ordinal IS NOT NULL AND record.sequence <> (
                    SELECT other.sequence
                    FROM fanout.reactions AS other
                    WHERE other.order_key = record.order_key
                        AND other.state IN ('pending', 'waiting', 'paused')
                    ORDER BY other.ordinal, other.sequence
                    LIMIT 1
                )
                OR record.ordinal IS NULL AND record.sequence <> (
                    SELECT other.sequence
                    FROM fanout.reactions AS other
                    WHERE other.order_key = record.order_key
                        AND other.state IN ('pending', 'waiting')
                        AND other.next_attempt_at <= now()
                    ORDER BY other.next_attempt_at, other.sequence
                    LIMIT 1
                )
            )
