"""A mail is checked when it is made, and its recipient is settled before it is frozen."""

from dataclasses import replace
from typing import Any, Final

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.clients.mail.message import UnsendableMail
from pipeline.clients.mail.redirect import (
    TEST_WITHOUT_RECIPIENT,
    AddressedMail,
    Redirect,
    WithheldMail,
    address_mail,
)
from pipeline.clients.mail.resend_body import freeze_for_resend
from pipeline.clients.mail.smtp_body import freeze_for_smtp, thaw
from pipeline.domain.address import InvalidAddress, Mailbox, parse_address
from pipeline.settings.mail import RecipientRule
from tests.clients.mail.mails import NOW, addressed, has_marker, mail

FORCED: Final = parse_address("forced@acme.test")
TESTER: Final = parse_address("tester@acme.test")

lines = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=300)
anything = st.text(max_size=300)


@pytest.mark.parametrize(
    "changed",
    [
        {"subject": "canary\r\nBcc: evil@evil.test"},
        {"subject": "canary\n"},
        {"subject": "canary\u2028x"},
        {"subject": "canary\x85x"},
        {"subject": "canary\0"},
        {"subject": "canary\ud800"},
        {"html": "canary\0"},
        {"text": "canary\ud800"},
        {"message_id": "canary"},
        {"message_id": "<canary@x>\r\nBcc: a@b.test"},
        {"headers": (("Bcc", "canary@evil.test"),)},
        {"headers": (("bCC", "canary@evil.test"),)},
        {"headers": (("Content-Type", "canary"),)},
        {"headers": (("X-Canary: x\r\nBcc", "a"),)},
        {"headers": (("X-Canary", "a\r\nBcc: evil@evil.test"),)},
        {"headers": (("X-Canary", "\u00fc"),)},
        {"headers": (("X-Canary", "a" * 901),)},
        {"headers": (("", "canary"),)},
        {"headers": (("X-Canary", "a"), ("x-canary", "b"))},
        {"tags": (("canary type", "a"),)},
        {"tags": (("type", ""),)},
    ],
)
def test_what_cannot_be_sent_is_refused_when_the_mail_is_made(changed: dict[str, Any]) -> None:
    with pytest.raises(UnsendableMail) as raised:
        mail(**changed)
    assert not has_marker(str(raised.value))
    # Control.
    assert mail(subject="canary", headers=(("X-Canary", "a"),)).subject == "canary"


@settings(max_examples=50)
@given(subject=lines, name=lines, text=anything)
def test_whatever_is_said_in_a_mail_stays_in_its_place(subject: str, name: str, text: str) -> None:
    try:
        sender = Mailbox(parse_address("a@acme.test"), name)
        made = mail(subject=subject, sender=sender, text=text, html=text)
    except (InvalidAddress, UnsendableMail):
        return
    [thawed] = thaw(freeze_for_smtp(addressed(made), key="k", at=NOW).body)
    head, _, _ = thawed.message.partition(b"\r\n\r\n")
    names = [line.split(b":")[0] for line in head.split(b"\r\n") if not line.startswith(b" ")]
    assert names == [
        b"From",
        b"To",
        b"Subject",
        b"Date",
        b"Message-ID",
        b"List-Unsubscribe",
        b"MIME-Version",
        b"Content-Type",
    ]
    content = orjson.loads(freeze_for_resend(addressed(made), key="k").body)
    assert (content["subject"], content["text"]) == (subject, text)
    assert "\n" not in content["from"]


def test_by_default_the_person_gets_the_mail() -> None:
    assert address_mail(mail(), RecipientRule()) == AddressedMail(
        mail=mail(), redirect=Redirect.NONE
    )


def test_in_test_mode_without_a_test_recipient_nobody_gets_it() -> None:
    assert address_mail(mail(), RecipientRule(test_mode=True)) == TEST_WITHOUT_RECIPIENT
    assert WithheldMail(reason="test_mode_without_recipient") == TEST_WITHOUT_RECIPIENT


@pytest.mark.parametrize(
    ("rule", "redirect", "to"),
    [
        (RecipientRule(test_mode=True, test_recipient=TESTER), Redirect.TEST, TESTER),
        (RecipientRule(force_to=FORCED), Redirect.FORCED, FORCED),
        (RecipientRule(force_to=FORCED, test_mode=True), Redirect.FORCED, FORCED),
        (
            RecipientRule(force_to=FORCED, test_mode=True, test_recipient=TESTER),
            Redirect.FORCED,
            FORCED,
        ),
    ],
)
def test_on_purpose_somebody_else_gets_it(
    rule: RecipientRule, redirect: Redirect, to: object
) -> None:
    headers = (
        ("List-Unsubscribe", "<https://app.acme.test/u>"),
        ("LIST-UNSUBSCRIBE-POST", "List-Unsubscribe=One-Click"),
        ("Feedback-ID", "a:b:c:d"),
    )
    result = address_mail(mail(headers=headers), rule)
    assert isinstance(result, AddressedMail)
    assert result.redirect is redirect
    assert result.mail.to == Mailbox(to)  # type: ignore[arg-type]
    # Who gets it must not unsubscribe the person.
    assert result.mail.headers == (("Feedback-ID", "a:b:c:d"),)
    unchanged = replace(result.mail, to=mail().to, headers=headers)
    assert unchanged == mail(headers=headers)


def test_a_test_recipient_without_test_mode_gets_nothing() -> None:
    rule = RecipientRule(test_recipient=TESTER)
    assert address_mail(mail(), rule) == AddressedMail(mail=mail(), redirect=Redirect.NONE)
