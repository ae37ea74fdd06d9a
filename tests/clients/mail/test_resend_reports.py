"""What a webhook of Resend says: which addresses it suppresses, and nothing of a person beside."""

import json
from datetime import UTC, datetime
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.resend import KeptMail
from local.resend.webhooks import later_events, mail_event, suppression_event
from pipeline.clients.mail.resend_reports import ABOUT_MAILS, UnreadableReport, read_report
from pipeline.domain.provider_report import ProviderReport, ReportEffect
from tests.clients.mail.mails import NOW, has_marker

TO: Final = "Canary.Person@Kanarienvogel.de"


def kept(*to: str) -> KeptMail:
    content = {"from": "a@acme.test", "to": list(to or (TO,)), "subject": "Canary subject"}
    return KeptMail(id="re_mail_1", key=None, place=0, at=NOW, content=content)


def report(kind: str, *to: str, **changed: Any) -> ProviderReport | None:  # noqa: ANN401
    message = json.loads(mail_event(kind, kept(*to), NOW).body)
    message["data"] |= changed
    return read_report(json.dumps(message).encode(), "msg_1")


@pytest.mark.parametrize("kind", sorted(ABOUT_MAILS))
def test_everything_about_a_mail_is_kept_without_the_address_in_its_text(kind: str) -> None:
    found = report(kind)
    assert found is not None
    assert (found.provider, found.id, found.kind) == ("resend", "msg_1", kind)
    assert (found.provider_id, found.at) == ("re_mail_1", NOW)
    assert not has_marker(repr(found))
    effects = {
        "email.bounced": ReportEffect.BOUNCED,
        "email.complained": ReportEffect.COMPLAINED,
        "email.suppressed": ReportEffect.SUPPRESSED,
    }
    assert found.effect == effects.get(kind)
    assert (found.address is not None) == (kind in effects)


def test_only_what_bounced_for_good_suppresses() -> None:
    for bounce, effect in (
        ({"type": "Permanent", "subType": "General"}, ReportEffect.BOUNCED),
        ({"type": "Transient", "subType": "MailboxFull"}, None),
        ({"type": "Undetermined", "subType": "Undetermined"}, None),
        ({"subType": "Permanent"}, None),
        ({}, None),
        ("Permanent", None),
    ):
        found = report("email.bounced", bounce=bounce)
        assert found is not None
        assert found.effect is effect, bounce
    found = report("email.bounced")
    assert found is not None
    assert found.detail == "Permanent/General"
    assert str(found.address) == "Canary.Person@kanarienvogel.de"


def test_the_providers_free_text_is_not_kept() -> None:
    bounce = {"type": "Permanent", "subType": f"550 no such user {TO}", "message": f"<{TO}> gone"}
    found = report("email.bounced", bounce=bounce)
    assert found is not None
    assert found.detail == "Permanent"
    assert found.effect is ReportEffect.BOUNCED


def test_a_mail_to_several_does_not_say_whose_address_it_was() -> None:
    found = report("email.complained", "a@acme.test", "b@acme.test")
    assert found is not None
    assert (found.address, found.effect) == (None, None)


@pytest.mark.parametrize(
    ("origin", "effect"),
    [
        ("bounce", ReportEffect.BOUNCED),
        ("complaint", ReportEffect.COMPLAINED),
        ("manual", ReportEffect.SUPPRESSED),
        ("of another day", ReportEffect.SUPPRESSED),
        (None, ReportEffect.SUPPRESSED),
    ],
)
def test_an_address_on_the_providers_own_list_is_suppressed(
    origin: str | None, effect: ReportEffect
) -> None:
    message = json.loads(suppression_event("suppression.added", TO, NOW).body)
    message["data"]["origin"] = origin
    found = read_report(json.dumps(message).encode(), "msg_1")
    assert found is not None
    assert (found.effect, found.provider_id) == (effect, None)
    removed = read_report(suppression_event("suppression.removed", TO, NOW).body, "msg_2")
    assert removed is not None
    assert removed.effect is ReportEffect.LIFT
    assert removed.address == found.address


def test_times_are_read_as_the_provider_writes_them() -> None:
    at = datetime(2024, 2, 22, 23, 41, 12, 126000, tzinfo=UTC)
    for text in (
        "2024-02-22T23:41:12.126Z",
        "2024-02-22 23:41:12.126+00",
        "2024-02-22 23:41:12.126000+00:00",
        "2024-02-22T23:41:12.126",
        "2024-02-23T01:41:12.126+02:00",
    ):
        body = {"type": "email.sent", "created_at": text, "data": {"email_id": "re_1"}}
        found = read_report(json.dumps(body).encode(), "msg_1")
        assert found is not None
        assert found.at == at


@pytest.mark.parametrize("kind", ["contact.created", "domain.updated", "email.of_2030", ""])
def test_other_kinds_are_left_alone(kind: str) -> None:
    assert read_report(json.dumps({"type": kind, "data": 1}).encode(), "msg_1") is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff",
        b"canary",
        b"[]",
        b"{}",
        b'{"type": 1}',
        b'{"type": "email.sent"}',
        b'{"type": "email.sent", "created_at": "canary", "data": {"email_id": "re_1"}}',
        b'{"type": "email.sent", "created_at": "2024-02-22T23:41:12Z", "data": {}}',
        b'{"type": "email.sent", "created_at": "2024-02-22", "data": {"email_id": "canary@a.de"}}',
        b'{"type": "suppression.added", "created_at": "2024-02-22", "data": {"email": "canary"}}',
    ],
)
def test_what_cannot_be_read_is_named_and_not_quoted(body: bytes) -> None:
    with pytest.raises(UnreadableReport, match=r"^invalid report: expected") as raised:
        read_report(body, "msg_1")
    assert not has_marker(str(raised.value))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=8,
)


@settings(max_examples=60)
@given(
    kind=st.sampled_from([*sorted(ABOUT_MAILS), "suppression.added", "suppression.removed"]),
    data=st.dictionaries(
        st.sampled_from(["email_id", "email", "to", "bounce", "failed", "suppressed", "origin"]),
        json_values,
    ),
    at=json_values,
)
def test_whatever_a_message_says_is_read_or_refused(kind: str, data: object, at: object) -> None:
    body = json.dumps({"type": kind, "created_at": at, "data": data}).encode()
    try:
        found = read_report(body, "msg_1")
    except UnreadableReport:
        return
    assert found is not None
    assert (found.effect is None) == (found.address is None)


def test_what_the_stand_in_sends_of_a_mail_can_be_read() -> None:
    for to in ("bounced@resend.dev", "complained@resend.dev", "suppressed@resend.dev", TO):
        kinds = [each.kind for event in later_events(kept(to), NOW)
                 if (each := read_report(event.body, event.id)) is not None]  # fmt: skip
        assert kinds[0] == "email.sent"
        assert len(kinds) == 2
