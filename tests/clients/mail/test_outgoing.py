"""A mail as it is handed to a provider has the headers of a good sender, and no others."""

import re
from dataclasses import replace
from email import message_from_bytes, policy
from typing import Any, Final
from uuid import UUID

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.clients.mail.message import OutgoingMail, UnsendableMail
from pipeline.clients.mail.outgoing import link_seal, outgoing_mail, unsubscribe_url_of
from pipeline.clients.mail.redirect import AddressedMail, address_mail
from pipeline.clients.mail.resend_body import freeze_for_resend
from pipeline.clients.mail.smtp_body import freeze_for_smtp, thaw
from pipeline.domain.address import InvalidAddress, Mailbox, clean_name, parse_address
from pipeline.domain.errors import ConfigurationError
from pipeline.domain.identifiers import EventType, UserId
from pipeline.mail.brand import Brand
from pipeline.mail.compose import compose
from pipeline.mail.material import Digest, Immediate, Material, Recipient, Update
from pipeline.mail.subscription import subscription_to
from pipeline.settings.mail import MailSettings, RecipientRule, read_mail_settings
from tests.clients.mail.mails import NOW, addressed
from tests.mail.desk import BRAND, update, uploaded

SETTINGS: Final = read_mail_settings(
    {
        "EMAIL_FROM": "Acme <notifications@acme.test>",
        "EMAIL_REPLY_TO": "Help <help@acme.test>",
        "RESEND_API_KEY": "re_1",
        "PUBLIC_URL": "https://notify.acme.test",
        "UNSUBSCRIBE_SECRET": "s" * 40,
    }
)
USER: Final = UserId(UUID("a0000000-0000-4000-8000-000000000002"))
DELIVERY: Final = UUID("d0000000-0000-8000-8000-000000000001")
USUAL: Final = [
    *("From", "To", "Subject", "Date", "Message-ID", "Reply-To"),
    *("Feedback-ID", "MIME-Version", "Content-Type"),
]
LIST: Final = ["List-Unsubscribe", "List-Unsubscribe-Post"]
TEXTS: Final = ("subject", "name", "type")
NUDGE: Final = Immediate(update("resume_incomplete_nudge", {}))

anything = st.text(max_size=120) | st.sampled_from(
    ["a\r\nBcc: eve@evil.test", "a\n\n<p>", "\ud800"]
)


def written(material: Material, settings: MailSettings = SETTINGS) -> OutgoingMail:
    """A mail from its material to what a provider is given."""
    url = unsubscribe_url_of(material, USER, settings.unsubscribe)
    mail = compose(material, Recipient("bob@acme.test", "Bob"), BRAND, unsubscribe_url=url)
    return outgoing_mail(mail, Mailbox(parse_address("bob@acme.test"), "Bob"), settings, DELIVERY)


def head(mail: OutgoingMail) -> list[tuple[str, str]]:
    """The headers on the wire, with lines that continue a header put together."""
    [thawed] = thaw(freeze_for_smtp(addressed(mail), key="k", at=NOW).body)
    raw, _, _ = thawed.message.partition(b"\r\n\r\n")
    lines = re.sub(rb"\r\n[ \t]", b" ", raw).decode().split("\r\n")
    return [(name, value) for name, _, value in (line.partition(": ") for line in lines)]


def names(mail: OutgoingMail) -> list[str]:
    return sorted(name for name, _ in head(mail))


@pytest.mark.parametrize("material", [NUDGE, Digest([uploaded("a.pdf")])])
def test_digests_and_nudges_can_be_unsubscribed_from_in_both_ways(material: Material) -> None:
    mail = written(material)
    found = dict(head(mail))
    assert names(mail) == sorted([*USUAL, *LIST])
    assert found["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    (url,) = re.findall("<(https://[^<>]+)>", found["List-Unsubscribe"])
    assert found["List-Unsubscribe"] == f"<{url}>"
    token = url.removeprefix("https://notify.acme.test/unsubscribe/")
    assert link_seal(SETTINGS.unsubscribe).read(token) == subscription_to(material, USER)
    # The footer has the same link.
    assert f'href="{url}"' in mail.html
    assert f"Unsubscribe: {url}" in mail.text


def test_what_somebody_did_and_where_no_address_is_set_there_is_no_such_header() -> None:
    other = written(Immediate(update("invite_accepted", {})))
    assert names(other) == sorted(USUAL)
    assert "nsubscribe" not in other.html + other.text
    unset = replace(SETTINGS, unsubscribe=replace(SETTINGS.unsubscribe, public_url=""))
    assert names(written(NUDGE, unset)) == sorted(USUAL)


def test_a_delivery_has_one_message_id_however_often_its_mail_is_written() -> None:
    first, again = written(NUDGE), written(NUDGE)
    assert first == again
    assert first.message_id == f"<{DELIVERY}@acme.test>"
    found = dict(head(first))
    assert found["Date"] == "Mon, 02 Mar 2026 18:00:00 +0000"
    assert found["Reply-To"] == "Help <help@acme.test>"
    assert found["Feedback-ID"] == "resume_incomplete_nudge:acme.test:list:fanout"
    content = orjson.loads(freeze_for_resend(addressed(first), key="k").body)
    assert content["headers"] == {
        "X-Entity-Ref-ID": first.message_id,
        "List-Unsubscribe": found["List-Unsubscribe"],
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "Feedback-ID": found["Feedback-ID"],
    }
    assert content["reply_to"] == ["Help <help@acme.test>"]


def test_whoever_gets_a_mail_in_place_of_a_person_cannot_unsubscribe_the_person() -> None:
    rule = RecipientRule(force_to=parse_address("forced@acme.test"))
    forced = address_mail(written(NUDGE), rule)
    assert isinstance(forced, AddressedMail)
    assert names(forced.mail) == sorted(USUAL)


@settings(max_examples=60)
@given(data=st.data())
def test_nothing_that_reaches_a_header_can_add_one(data: st.DataObject) -> None:
    """Subjects, names, types, brands and addresses, as hostile as they may be."""
    text = data.draw(st.fixed_dictionaries(dict.fromkeys(TEXTS, anything)))
    row = Update(
        event_type=EventType(data.draw(st.sampled_from([text["type"], "resume_incomplete_nudge"]))),
        subject=text["subject"],
        data={"resume_type_label": data.draw(anything), "link_url": data.draw(anything)},
        project_name=data.draw(anything),
    )
    materials: list[Material] = [Immediate(row), Digest([row, row])]
    material = data.draw(st.sampled_from(materials))
    url = unsubscribe_url_of(material, USER, SETTINGS.unsubscribe)
    mail = compose(material, Recipient("bob@acme.test", text["name"]), BRAND, unsubscribe_url=url)
    made = outgoing_mail(
        mail,
        Mailbox(parse_address("bob@acme.test"), clean_name(text["name"])),
        SETTINGS,
        DELIVERY,
    )
    assert names(made) == sorted([*USUAL, *(LIST if url else [])])
    [thawed] = thaw(freeze_for_smtp(addressed(made), key="k", at=NOW).body)
    read = message_from_bytes(thawed.message, policy=policy.default)
    assert read["Subject"] == mail.subject
    assert str(read["To"].addresses[0].addr_spec) == "bob@acme.test"
    assert not read.defects


@settings(max_examples=60)
@given(text=anything, name=st.sampled_from(["EMAIL_FROM", "EMAIL_REPLY_TO"]))
def test_no_setting_can_add_a_header_either(text: str, name: str) -> None:
    variables: dict[str, Any] = {"EMAIL_FROM": "a@acme.test", "RESEND_API_KEY": "re_1"}
    for value in (text, f"{text} <a@acme.test>", f'"{text}" <a@acme.test>', f"{text}@acme.test"):
        try:
            given = read_mail_settings(variables | {name: value})
        except ConfigurationError:
            continue
        expected = [each for each in USUAL if each != "Reply-To" or given.reply_to is not None]
        assert names(written(NUDGE, given)) == sorted(expected)


def test_control_a_header_that_gets_through_is_found() -> None:
    """A subject with a line break is refused, and would be seen if it were not."""
    with pytest.raises(UnsendableMail):
        replace(written(NUDGE), subject="a\r\nBcc: eve@evil.test")
    with pytest.raises(InvalidAddress):
        Mailbox(parse_address("a@acme.test"), "a\r\nBcc: eve@evil.test")
    extra = replace(written(NUDGE), headers=(*written(NUDGE).headers, ("X-More", "a")))
    assert names(extra) != sorted([*USUAL, *LIST])
    assert Brand(name="Acme", base_url="https://acme.test").name == "Acme"
