"""The ledger of deliveries as a leased table: with the rows of the application, or without them."""

from dataclasses import replace
from typing import Final

from psycopg import sql

from pipeline.clients.postgres.leased_table import LeasedTable
from pipeline.domain.delivery import SOURCE

_ANSWERED: Final = sql.SQL(""",
        provider = coalesce(given.provider, record.provider),
        provider_id = given.provider_id,
        asked_at = CASE WHEN given.answered THEN NULL ELSE record.asked_at END,
        unanswered = CASE WHEN given.answered THEN 0 ELSE record.unanswered END,
        batch_id = CASE
            WHEN given.answered AND given.state = 'waiting' THEN NULL ELSE record.batch_id
        END""")
# The application knows sent and failed. Everything that ended in another way was not sent.
_SHOW: Final = sql.SQL(""",
shown AS (
    UPDATE public.pending_emails AS email SET
        status = CASE ended.state WHEN 'done' THEN 'sent' ELSE 'failed' END,
        processed_at = now()
    FROM ended
    WHERE ended.state IN ('done', 'dead', 'cancelled', 'expired')
        AND ended.source = 'pending_emails'
        AND ended.source_taken_at IS NOT NULL
        AND email.id = ended.source_id::bigint
        AND email.status = 'processing'
),
shown_of_digests AS (
    UPDATE public.pending_emails AS email SET
        status = CASE WHEN ended.state = 'done' AND told.left_out IS NULL
            THEN 'sent' ELSE 'failed' END,
        processed_at = now()
    FROM ended
    JOIN fanout.digest_rows AS told ON told.delivery_id = ended.source_id::uuid
    WHERE ended.state IN ('done', 'dead', 'cancelled', 'expired')
        AND ended.source = 'digest_rows'
        AND email.id = told.email_id
        AND email.status = 'processing'
)""")

# In a database of mail alone.
DELIVERIES_ALONE: Final = LeasedTable(
    name="deliveries",
    source=SOURCE,
    record_id=sql.SQL("record.id::text"),
    values=(
        *("id", "cause", "channel", "recipient", "kind", "user_id", "source", "source_id"),
        *("priority", "created_at", "expires_at", "ages_while_paused", "source_taken_at"),
        *("provider", "asked_at", "unanswered", "batch_id", "error_class"),
    ),
    switch="switch",
    ranked=True,
    given={"provider": "text", "provider_id": "text", "answered": "boolean"},
    settled=_ANSWERED,
    returned=("source", "source_id", "source_taken_at"),
)
# Beside the fan-out: whoever reads pending_emails sees how each delivery ended.
DELIVERIES: Final = replace(DELIVERIES_ALONE, then=_SHOW)
