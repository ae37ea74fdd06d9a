"""The ledger of deliveries as push settles it: on to the phones, and without dead devices."""

from dataclasses import replace
from typing import Final

from psycopg import sql

from pipeline.steps.deliveries import DELIVERIES_ALONE

# What the bus brought to nobody goes to all phones of the person. It has a key of its own for each,
# so a worker whose lease was taken over makes no second one. In the order of the bus: the later one
# with a collapse key replaces the other.
_THEN: Final = sql.SQL(""",
to_phones AS (
    INSERT INTO fanout.deliveries (
        id, cause, channel, recipient, kind, user_id, source, source_id,
        priority, expires_at, ages_while_paused, collapse_key
    )
    SELECT
        fanout.delivery_id(ended.cause, 'fcm', device.id::text), ended.cause, 'fcm',
        device.id::text, ended.kind, ended.user_id, ended.source, ended.source_id,
        ended.priority, ended.expires_at, ended.ages_while_paused, ended.collapse_key
    FROM ended
    JOIN given ON given.token = ended.token AND given.to_phones
    JOIN fanout.device_tokens AS device ON device.user_id = ended.user_id
    ORDER BY ended.sequence, 1
    ON CONFLICT (id) DO NOTHING
),
forgotten AS (
    DELETE FROM fanout.device_tokens AS device
    USING ended
    JOIN given ON given.token = ended.token AND given.no_device
    WHERE device.id::text = ended.recipient
)""")

_ANSWERED: Final = sql.SQL(""",
        provider = coalesce(given.provider, record.provider),
        provider_id = given.provider_id,
        asked_at = CASE WHEN given.answered THEN NULL ELSE record.asked_at END,
        unanswered = CASE WHEN given.answered THEN 0 ELSE record.unanswered END""")

PUSHES: Final = replace(
    DELIVERIES_ALONE,
    values=(*DELIVERIES_ALONE.values, "collapse_key", "deliver_at"),
    settled=_ANSWERED,
    given={**DELIVERIES_ALONE.given, "to_phones": "boolean", "no_device": "boolean"},
    then=_THEN,
    returned=(
        *("sequence", "cause", "recipient", "kind", "user_id", "source", "source_id"),
        *("priority", "expires_at", "ages_while_paused", "collapse_key"),
    ),
)
