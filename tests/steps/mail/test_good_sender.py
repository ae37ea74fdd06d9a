"""Who unsubscribed, or whose address is suppressed, gets no mail; nudges have a link for that."""

import re
from typing import Any, Final

import pytest

from pipeline.clients.mail.outgoing import link_seal
from pipeline.domain.address import parse_address
from pipeline.mail.subscription import MailSubscription
from pipeline.ops.mail.suppressions import lift, suppress
from pipeline.ops.mail.unsubscribe import end_subscription
from pipeline.settings import DatabaseSettings
from pipeline.settings.mail import RecipientRule
from pipeline.settings.unsubscribe import UnsubscribeSettings
from pipeline.steps.mail.claim import claims_of
from tests.golden.world import U2
from tests.steps.mail.desk import MailDesk

NUDGE: Final = "resume_incomplete_nudge"
DATA: Final[dict[str, Any]] = {"resume_type_label": "Project", "completion_percent": 40}
LINKS: Final = UnsubscribeSettings(secrets=("s" * 40,), public_url="https://notify.acme.test")


def operator(desk: MailDesk) -> DatabaseSettings:
    return DatabaseSettings(dsn=desk.stage.database.operator_dsn)


def nudge(desk: MailDesk) -> None:
    desk.email(event_type=NUDGE, data=DATA, subject="Complete your resume")
    run(desk)


def run(desk: MailDesk) -> None:
    claims_of(desk.sender).look_again()
    desk.run()


def of_the_link(desk: MailDesk) -> MailSubscription:
    header = desk.server.accepted[-1].headers["List-Unsubscribe"]
    (token,) = re.fullmatch("<https://notify.acme.test/unsubscribe/([^>]+)>", header).groups()  # type: ignore[union-attr]
    return link_seal(LINKS).read(token)


def ends(desk: MailDesk) -> list[tuple[Any, ...]]:
    return desk.rows("SELECT state, error_class FROM fanout.deliveries ORDER BY sequence")


def test_the_link_of_a_nudge_ends_the_nudges_that_wait_too(desk: MailDesk) -> None:
    """Control: other mails have no link, and go on."""
    desk.unsubscribe = LINKS
    nudge(desk)
    mail = desk.server.accepted[-1]
    assert mail.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail.headers["Feedback-ID"] == f"{NUDGE}:acme.test:list:fanout"
    assert end_subscription(operator(desk), of_the_link(desk)) == 1
    nudge(desk)
    desk.email()
    run(desk)
    assert [state for state, _ in ends(desk)] == ["done", "cancelled", "done"]
    assert [mail.content["tags"][0]["value"] for mail in desk.server.accepted] == [
        NUDGE,
        "invite_accepted",
    ]
    assert "List-Unsubscribe" not in desk.server.accepted[-1].headers


def test_whoever_gets_a_mail_in_place_of_a_person_has_no_link_of_the_person(
    desk: MailDesk,
) -> None:
    desk.unsubscribe = LINKS
    desk.recipients = RecipientRule(force_to=parse_address("forced@acme.dev"))
    nudge(desk)
    [mail] = desk.server.accepted
    assert mail.to == ["forced@acme.dev"]
    assert "unsubscribe" not in f"{mail.headers} {mail.content['html']} {mail.content['text']}"


@pytest.mark.parametrize(
    ("row", "state"),
    [
        (("*", "email"), "done"),
        ((NUDGE, "*"), "done"),
        ((NUDGE, "in_app"), "done"),
        ((NUDGE, "email"), "cancelled"),
    ],
)
def test_a_critical_mail_heeds_nothing_but_an_explicit_unsubscribe(
    desk: MailDesk, row: tuple[str, str], state: str
) -> None:
    desk.switch_on()
    kind, channel = row
    desk.execute(
        "INSERT INTO user_notification_preferences"
        " (user_id, scope_type, event_type, channel, status)"
        " VALUES (%s, 'global', %s, %s, 'muted')",
        U2, kind, channel,
    )  # fmt: skip
    email = desk.email(event_type=NUDGE, data=DATA)
    desk.execute(
        "INSERT INTO fanout.deliveries (id, cause, channel, recipient, kind, user_id, source,"
        " source_id, priority)"
        " SELECT fanout.delivery_id('domain_events:' || event_id, 'email', user_id::text),"
        " 'domain_events:' || event_id, 'email', user_id::text, event_type, user_id,"
        " 'pending_emails', id::text, 0 FROM pending_emails WHERE id = %s",
        email,
    )
    desk.run()
    assert [each for each, _ in ends(desk)] == [state]


def test_nothing_is_sent_to_a_suppressed_address_until_it_is_lifted(desk: MailDesk) -> None:
    suppress(operator(desk), "U2@X.test")
    nudge(desk)
    assert desk.server.asked == []
    assert [state for state, _ in ends(desk)] == ["cancelled"]
    lift(operator(desk), "u2@x.test")
    nudge(desk)
    assert [state for state, _ in ends(desk)] == ["cancelled", "done"]
