"""The graph of mail as a process: it sends without a message, and logs nothing of a mail."""

import json
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from local.resend import ResendServer
from pipeline.domain.message import Message
from tests.deadline import wait_until
from tests.golden.stage import Stage
from tests.steps.mail.desk import FROM, KEY, MailDesk
from tests.streams import Broker, Stream

CANARY = "canary-7f3a"


@pytest.fixture
def desk(stage: Stage) -> Iterator[MailDesk]:
    with ResendServer().serving() as server:
        server.api_keys.add(KEY)
        server.reserved_is_refused = False
        desk = MailDesk(stage, server)
        desk.forget()
        yield desk
        desk.forget()


def stream_of(desk: MailDesk, events: Broker, log: Path, *flags: str) -> Stream:
    return Stream(
        events,
        desk.stage.database.sender_dsn,
        log,
        *("--graph", "mail", *flags),
        EMAIL_FROM=FROM,
        RESEND_API_KEY=KEY,
        RESEND_BASE_URL=desk.server.base_url,
        BRAND_NAME="Acme",
        BRAND_URL="https://acme.test",
    )


def test_it_sends_what_is_due_and_any_message_only_wakes_it(
    desk: MailDesk, events: Broker, tmp_path: Path
) -> None:
    desk.execute("UPDATE profiles SET full_name = %s, email = %s WHERE email = 'u2@x.test'",
                 CANARY, f"{CANARY}@x.test")  # fmt: skip
    stream = stream_of(desk, events, tmp_path / "log")
    with stream:
        channels = "SELECT channel FROM fanout.channels"
        wait_until(lambda: desk.rows(channels) == [("email",)], seconds=30, what="mail is on")
        # No message tells of it: the clock of the source does.
        desk.email(data={"new_member_name": CANARY, "link_url": f"/{CANARY}"})
        wait_until(lambda: desk.emails() == [("sent", True)], seconds=30, what="it is sent")
        forged = Message(CANARY.encode(), {"id": str(uuid4()), "note": CANARY})
        events.publish([forged, Message(b"x", {})])
        wait_until(events.is_drained, seconds=30, what="the messages are acknowledged")
        desk.email()
        wait_until(lambda: len(desk.server.accepted) == 2, seconds=30, what="the next one is sent")
        assert stream.stop() == 0
    assert desk.rows("SELECT graph FROM fanout.graphs") == [("mail",)]
    assert CANARY not in stream.log
    assert "mail@acme.test" not in stream.log
    assert KEY not in stream.log
    assert set(desk.server.copies().values()) == {1}


def test_a_dry_run_prints_what_it_would_send_and_writes_nothing(
    desk: MailDesk, events: Broker, tmp_path: Path
) -> None:
    desk.switch_on()
    desk.email()
    desk.run()
    desk.execute("DELETE FROM fanout.graphs")
    stage = desk.stage
    email = desk.email()
    stage.execute(
        "INSERT INTO fanout.deliveries (id, cause, channel, recipient, kind, user_id, source,"
        " source_id) SELECT gen_random_uuid(), 'domain_events:' || event_id, 'email',"
        " user_id::text, event_type, user_id, 'pending_emails', id::text FROM pending_emails"
        " WHERE id = %s",
        email,
    )
    stream = stream_of(desk, events, tmp_path / "log", "--dry-run")
    with stream:
        wait_until(lambda: '"would"' in stream.output, seconds=30, what="it says what it would do")
        stream.stop()
    [told] = [json.loads(line) for line in stream.output.splitlines()]
    assert (told["kind"], told["would"]) == ("invite_accepted", "send")
    assert len(desk.server.accepted) == 1
    assert [status for status, _ in desk.emails()] == ["sent", "pending"]
    assert desk.rows("SELECT graph FROM fanout.graphs") == []


def test_a_database_without_mail_is_refused_with_what_to_do(
    desk: MailDesk, events: Broker, tmp_path: Path
) -> None:
    desk.execute("ALTER TABLE fanout.deliveries RENAME TO no_deliveries")
    stream = stream_of(desk, events, tmp_path / "log")
    with stream:
        assert stream.process.wait(30) == 1
    assert "run: python -m pipeline migrate --family mail" in stream.log
