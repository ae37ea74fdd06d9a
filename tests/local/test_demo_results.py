"""What the demo reads from the ledger."""

from local.demo.results import first_sent
from tests.golden.stage import Stage
from tests.service.api import upload

_SENT = """
    INSERT INTO fanout.deliveries (
        id, cause, channel, recipient, kind, source, source_id, state, finished_at, provider_id
    )
    SELECT gen_random_uuid(), 'c', %s, 'r', 'k', %s, id::text, 'done', now(), %s
    FROM pending_emails
    WHERE id = (SELECT {}(id) FROM pending_emails)
"""


def test_the_mail_that_is_shown_is_none_of_the_pushes(stage: Stage) -> None:
    """Rows of other tables have the same numbers."""
    for _ in range(2):
        upload(stage)
    stage.deliver()
    stage.execute(_SENT.format("min"), "bus", "notifications", "a push")
    stage.execute(_SENT.format("max"), "email", "pending_emails", "a mail")
    with stage.database.connect() as connection:
        assert first_sent(connection) == "a mail"
