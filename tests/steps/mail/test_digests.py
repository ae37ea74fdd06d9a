"""Digests through the real graph: G86, G87, what is left out, and what happens meanwhile."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import psycopg
import pytest
from psycopg.types.json import Jsonb

from local.loopback import DROPPED_AFTER
from local.resend.faults import fault
from pipeline.domain.clock import utc_now
from pipeline.jobs.job import Counts, Digests, Input
from pipeline.mail.brand import Brand
from pipeline.settings import DatabaseSettings
from pipeline.steps.mail.check import check_mails
from pipeline.steps.mail.claim import claims_of
from pipeline.steps.mail.digests import DigestRow, ToldRows, what_is_told
from pipeline.steps.run_digests import run_digests
from tests.golden.world import P1, R1, T1, T2, T3, U1, U2, U3, U4
from tests.mail.page import read
from tests.ops.test_why import said, screen
from tests.steps.mail.desk import MailDesk

# Older than the window that is open.
AGE: Final = timedelta(hours=2)
MINUTE: Final = 60
CAPMATCH: Final = Brand(name="CapMatch", base_url="https://capmatch.com/dashboard")


class DigestDesk:
    """A mail desk with the job that makes digests, in windows that are always open."""

    def __init__(self, mail: MailDesk) -> None:
        self.mail = mail
        mail.execute("UPDATE fanout.channels SET since = '2026-01-01'")
        mail.execute("UPDATE fanout.digest_hours SET hours = %s, zone = 'UTC'", list(range(24)))

    def queue(
        self,
        user: UUID = U2,
        *,
        event_type: str = "document_uploaded",
        data: Mapping[str, Any] | None = None,
        subject: str = "New document uploaded to Tower",
        project: UUID | None = P1,
        **columns: UUID,
    ) -> int:
        """Queue an e-mail for the digest, as the fan-out does; return its id."""
        event = self.mail.stage.emit(event_type, {}, age=AGE, project_id=project, **columns)
        [(email,)] = self.mail.rows(
            "INSERT INTO pending_emails (user_id, event_id, event_type, delivery_type, project_id,"
            " project_name, subject, body_data, created_at)"
            " VALUES (%s, %s, %s, 'aggregated', %s, %s, %s, %s, now() - %s) RETURNING id",
            user, event, event_type, project, None if project is None else "Tower", subject,
            Jsonb(dict(data or {"file_name": "a.pdf", "uploader_name": "Ann Actor"})), AGE,
        )  # fmt: skip
        return int(email)

    def unread(self, topic: str, count: int, thread: UUID | None = None) -> int:
        """Queue a reminder of a thread."""
        data = {"thread_id": str(thread or uuid4()), "thread_topic": topic, "unread_count": count}
        columns = {} if thread is None else {"thread_id": thread}
        return self.queue(
            event_type="thread_unread_stale", data=data, subject="Unread", project=P1, **columns
        )

    def make(self, now: datetime | None = None) -> Counts:
        """Run the job."""
        settings = DatabaseSettings(dsn=self.mail.stage.database.jobs_dsn)
        pages = run_digests(settings, Digests(), Input(now=now or utc_now()))
        return sum((page.counts for page in pages), Counts())

    def run(self) -> None:
        """Run the job, then the graph."""
        self.make()
        self.mail.run()

    def left_out(self) -> dict[int, str]:
        """The rows that digests did not tell, and why."""
        return dict(
            self.mail.rows(
                "SELECT email_id, left_out FROM fanout.digest_rows WHERE left_out IS NOT NULL"
            )
        )

    def statuses(self) -> dict[int, str]:
        """The status of every row that has ended."""
        return dict(
            self.mail.rows("SELECT id, status FROM pending_emails WHERE processed_at IS NOT NULL")
        )

    def ended(self) -> list[tuple[str, str | None]]:
        """State and reason of every delivery."""
        return self.mail.rows("SELECT state, reason FROM fanout.deliveries ORDER BY sequence")

    @property
    def texts(self) -> list[str]:
        """The plain text of every mail that was accepted."""
        return [mail.content["text"] for mail in self.mail.server.accepted]


@pytest.fixture
def digests(desk: MailDesk) -> DigestDesk:
    desk.brand = CAPMATCH
    return DigestDesk(desk)


def test_g86_seventeen_rows_are_one_mail(digests: DigestDesk) -> None:
    digests.mail.through_graph = True
    rows = [
        digests.queue(data={"file_name": f"file {number}.pdf", "uploader_name": "Ann Actor"})
        for number in range(1, 13)
    ]
    rows += [digests.unread(f"Topic T{count}", count) for count in (1, 2, 3, 4)]
    rows.append(digests.queue(data={"file_name": "loose.pdf"}, project=None))
    digests.run()
    [mail] = digests.mail.server.accepted
    assert mail.to == ["u2@x.test"]
    assert mail.content["subject"] == "Your CapMatch Updates (17 new updates)"
    assert mail.content["tags"] == [{"name": "email_type", "value": "digest_aggregated"}]
    lines = read(mail.content["html"]).lines
    start = lines.index("Tower")
    assert lines[start:-3] == [
        "Tower",
        "New Documents",
        *(f"file {number}.pdf uploaded by Ann Actor" for number in range(1, 11)),
        "... and 2 more",
        "Unread Messages (10 total)",
        *(f"Topic T{count} ({count} unread)" for count in (1, 2, 3, 4)),
        "Unknown Project",
        "New Documents",
        "loose.pdf uploaded by Someone",
    ]
    assert "  • file 5.pdf\n  ... and 7 more\n" in mail.content["text"]
    assert "  • Topic T3 (3)\n  ... and 1 more\n" in mail.content["text"]
    assert digests.statuses() == dict.fromkeys(rows, "sent")
    assert digests.left_out() == {}


def test_g87_a_single_row_gives_its_subject_to_a_digest(digests: DigestDesk) -> None:
    digests.mail.through_graph = True
    row = digests.queue()
    digests.run()
    [mail] = digests.mail.server.accepted
    assert mail.content["subject"] == "New document uploaded to Tower"
    assert "Your CapMatch Updates" in read(mail.content["html"]).lines
    assert digests.statuses() == {row: "sent"}


def test_501_rows_are_one_mail(digests: DigestDesk) -> None:
    rows = [digests.queue() for _ in range(3)]
    digests.mail.execute(
        "WITH event AS (INSERT INTO domain_events (event_type, project_id, payload, created_at)"
        " SELECT 'document_uploaded', %s, '{}', now() - %s FROM generate_series(1, 498)"
        " RETURNING id) INSERT INTO pending_emails (user_id, event_id, event_type, delivery_type,"
        " project_id, subject, body_data, created_at) SELECT %s, id, 'document_uploaded',"
        " 'aggregated', %s, 's', '{}', now() - %s FROM event",
        P1, AGE, U2, P1, AGE,
    )  # fmt: skip
    digests.run()
    [mail] = digests.mail.server.accepted
    assert mail.content["subject"] == "Your CapMatch Updates (501 new updates)"
    assert set(digests.statuses().values()) == {"sent"}
    assert len(digests.statuses()) == 498 + len(rows)


def test_what_was_read_or_muted_or_may_not_be_seen_since_is_left_out(digests: DigestDesk) -> None:
    stage = digests.mail.stage
    read_in_app, muted = digests.queue(U4), digests.queue(U4, event_type="resume_incomplete_nudge")
    document, told = digests.queue(U4, resource_id=R1), digests.queue(U4, project=None)
    gone = digests.queue(U4)
    digests.make()
    [(event,)] = stage.rows("SELECT event_id FROM pending_emails WHERE id = %s", read_in_app)
    stage.execute(
        "INSERT INTO notifications (user_id, event_id, title, kind, read_at)"
        " VALUES (%s, %s, 't', 'document_uploaded', now())",
        U4, event,
    )  # fmt: skip
    stage.prefer(U4, "muted", name="resume_incomplete_nudge", channel="email")
    stage.execute("UPDATE permissions SET permission = 'none' WHERE user_id = %s", U4)
    stage.execute("DELETE FROM pending_emails WHERE id = %s", gone)
    digests.mail.run()
    [mail] = digests.mail.server.accepted
    assert mail.content["subject"] == "New document uploaded to Tower"
    assert digests.left_out() == {read_in_app: "read", muted: "muted", document: "no_access"}
    assert digests.statuses() == {
        read_in_app: "failed", muted: "failed", document: "failed", told: "sent",
    }  # fmt: skip


def test_a_thread_that_was_read_or_left_since_is_left_out(digests: DigestDesk) -> None:
    threads = {thread: digests.unread("Topic", 2, thread) for thread in (T1, T2, T3)}
    digests.make()
    stage = digests.mail.stage
    stage.execute(
        "UPDATE chat_thread_participants SET last_read_at = now() - interval '1 hour'"
        " WHERE user_id = %s AND thread_id = %s",
        U2, T1,
    )  # fmt: skip
    stage.execute(
        "DELETE FROM chat_thread_participants WHERE user_id = %s AND thread_id = %s", U2, T2
    )
    digests.mail.run()
    assert digests.left_out() == {threads[T1]: "read", threads[T2]: "no_access"}
    assert digests.statuses()[threads[T3]] == "sent"


def test_a_digest_with_nothing_left_is_cancelled(digests: DigestDesk) -> None:
    rows = [digests.queue(U4), digests.queue(U4)]
    digests.make()
    digests.mail.execute("DELETE FROM project_access_grants WHERE user_id = %s", U4)
    digests.mail.run()
    assert digests.mail.server.asked == []
    assert digests.ended() == [
        ("cancelled", "all that it would tell was read, muted or may not be viewed any more")
    ]
    assert digests.left_out() == dict.fromkeys(rows, "no_access")
    assert digests.statuses() == dict.fromkeys(rows, "failed")


SUPPRESS: Final = (
    "INSERT INTO fanout.suppressions (address_hash, reason)"
    " VALUES (fanout.address_hash('u2@x.test'), 'bounced')"
)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            "UPDATE profiles SET email = '' WHERE full_name = 'Bob Owner'",
            "the person has no e-mail address",
        ),
        (SUPPRESS, "nothing is sent to this address any more"),
        ("DELETE FROM pending_emails", "the row that it was about was deleted"),
    ],
    ids=["no address", "suppressed", "deleted"],
)
def test_a_digest_that_nobody_can_get_is_cancelled(
    digests: DigestDesk, change: str, reason: str
) -> None:
    row = digests.queue()
    digests.make()
    digests.mail.execute(change)
    digests.mail.run()
    assert digests.mail.server.asked == []
    assert digests.ended() == [("cancelled", reason)]
    assert digests.statuses() in ({row: "failed"}, {})


def test_several_digests_of_one_batch_are_each_their_own(digests: DigestDesk) -> None:
    rows = {user: digests.queue(user, data={"file_name": f"{user}.pdf"}) for user in (U1, U2, U3)}
    digests.run()
    texts = {mail.to[0]: mail.content["text"] for mail in digests.mail.server.accepted}
    assert {f"u{number}@x.test" for number in (1, 2, 3)} == set(texts)
    assert all(f"{user}.pdf" in "".join(texts.values()) for user in rows)
    assert digests.statuses() == dict.fromkeys(rows.values(), "sent")


def test_outside_the_hours_a_digest_waits_for_the_next_window(digests: DigestDesk) -> None:
    row = digests.queue()
    digests.make()
    later = (datetime.now(UTC) + timedelta(hours=3)).replace(minute=0, second=0, microsecond=0)
    digests.mail.execute("UPDATE fanout.digest_hours SET hours = %s, zone = 'UTC'", [later.hour])
    digests.mail.run()
    assert digests.mail.server.asked == []
    [(state, failures, due)] = digests.mail.rows(
        "SELECT state, failures, next_attempt_at FROM fanout.deliveries"
    )
    assert (state, failures) == ("waiting", 0)
    assert abs(due - later) < timedelta(seconds=30)
    # The control: in the hours it goes.
    digests.mail.execute("UPDATE fanout.digest_hours SET hours = %s", list(range(24)))
    digests.mail.pass_time(4 * 60 * MINUTE)
    digests.mail.run()
    assert digests.statuses() == {row: "sent"}


def test_the_hours_are_those_of_the_zone_that_the_application_names(digests: DigestDesk) -> None:
    digests.mail.execute(
        "CREATE OR REPLACE VIEW fanout.person_zones AS SELECT id AS user_id,"
        " CASE full_name WHEN 'Ann Actor' THEN 'Asia/Tokyo' WHEN 'Bob Owner' THEN 'No/where'"
        " ELSE 'Europe' END AS zone FROM profiles"
    )
    for user in (U1, U2, U3):
        digests.queue(user)
    digests.make()
    hour = datetime.now(ZoneInfo("Asia/Tokyo")).hour
    digests.mail.execute(
        "UPDATE fanout.digest_hours SET hours = %s, zone = 'UTC'", [hour, (hour + 1) % 24]
    )
    digests.mail.run()
    assert [mail.to for mail in digests.mail.server.accepted] == [["u1@x.test"]]
    assert [state for state, _ in sorted(digests.ended())] == ["done", "waiting", "waiting"]


def test_a_crash_between_the_digest_and_its_end_is_one_mail(digests: DigestDesk) -> None:
    row = digests.queue()
    digests.make()
    digests.mail.server.fail_next(DROPPED_AFTER)
    digests.mail.run()
    # Meanwhile it was read, and something new came: the same mail is repeated.
    digests.mail.stage.execute("DELETE FROM org_members WHERE user_id = %s", U2)
    digests.mail.forget()
    digests.mail.pass_time(MINUTE)
    digests.mail.run()
    assert list(digests.mail.server.copies().values()) == [1]
    assert len({request.body for request in digests.mail.server.asked}) == 1
    assert digests.statuses() == {row: "sent"}
    assert digests.left_out() == {}


def test_a_person_says_of_a_held_digest_that_it_was_sent(digests: DigestDesk) -> None:
    lost, told = digests.queue(U4, resource_id=R1), digests.queue(U4)
    digests.mail.execute("UPDATE permissions SET permission = 'none' WHERE user_id = %s", U4)
    digests.make()
    digests.mail.server.fail_next(DROPPED_AFTER)
    digests.mail.run()
    digests.mail.execute("UPDATE fanout.deliveries SET expires_at = NULL")
    digests.mail.pass_time(23 * 60 * MINUTE + 1)
    digests.mail.run()
    # Control: nobody has decided yet.
    assert [state for state, _ in digests.ended()] == ["held"]
    assert digests.statuses() == {}
    decide = "SELECT fanout.decide_held(id, true) FROM fanout.deliveries"
    with psycopg.connect(digests.mail.stage.database.operator_dsn, autocommit=True) as operator:
        assert operator.execute(decide).fetchall() == [("done",)]
    assert digests.statuses() == {lost: "failed", told: "sent"}


def test_a_digest_that_was_frozen_keeps_its_rows_when_it_is_tried_again(
    digests: DigestDesk,
) -> None:
    rows = [digests.queue(U4, resource_id=R1), digests.queue(U4)]
    digests.make()
    digests.mail.server.fail_next(fault(429, "rate_limit_exceeded"))
    digests.mail.run()
    digests.mail.execute("UPDATE permissions SET permission = 'none' WHERE user_id = %s", U4)
    digests.mail.pass_time(5)
    digests.mail.run()
    assert len({request.body for request in digests.mail.server.asked}) == 1
    assert digests.left_out() == {}
    assert digests.statuses() == dict.fromkeys(rows, "sent")


def test_a_frozen_digest_with_nothing_left_is_cancelled(digests: DigestDesk) -> None:
    row = digests.queue(U4)
    digests.make()
    digests.mail.server.fail_next(fault(429, "rate_limit_exceeded"))
    digests.mail.run()
    digests.mail.execute("DELETE FROM project_access_grants WHERE user_id = %s", U4)
    digests.mail.pass_time(5)
    digests.mail.run()
    assert digests.mail.server.accepted == []
    assert digests.left_out() == {row: "no_access"}
    assert digests.statuses() == {row: "failed"}


def test_a_digest_that_is_not_frozen_yet_is_checked_anew(digests: DigestDesk) -> None:
    """A worker records what it leaves out, and dies before it freezes the mail."""
    first, second = digests.queue(U4, resource_id=R1), digests.queue(U4)
    digests.make()
    digests.mail.execute("UPDATE permissions SET permission = 'none' WHERE user_id = %s", U4)
    sender = digests.mail.sender
    claimed = claims_of(sender).claim()
    check_mails(sender, claimed)
    assert digests.left_out() == {first: "no_access"}
    digests.mail.execute("UPDATE permissions SET permission = 'view' WHERE user_id = %s", U4)
    digests.mail.pass_time(2 * MINUTE)
    digests.mail.run()
    assert digests.left_out() == {}
    assert digests.statuses() == {first: "sent", second: "sent"}


def test_a_worker_that_lost_its_lease_changes_no_row_of_the_digest(digests: DigestDesk) -> None:
    row, _ = digests.queue(U4, resource_id=R1), digests.queue(U4)
    digests.make()
    sender = digests.mail.sender
    late = claims_of(sender).claim()
    digests.mail.pass_time(2 * MINUTE)
    digests.mail.forget()
    holder = claims_of(sender).claim()
    digests.mail.execute("UPDATE permissions SET permission = 'none' WHERE user_id = %s", U4)
    check_mails(sender, late)
    assert digests.left_out() == {}
    # The control: who holds the lease does.
    check_mails(sender, holder)
    assert digests.left_out() == {row: "no_access"}


def test_new_rows_meanwhile_are_in_the_next_digest(digests: DigestDesk) -> None:
    first = digests.queue(data={"file_name": "first.pdf"})
    digests.make()
    second = digests.queue(data={"file_name": "second.pdf"})
    digests.mail.run()
    assert digests.statuses() == {first: "sent"}
    assert "second.pdf" not in digests.texts[0]
    # Its window was run already: the next one is an hour later.
    digests.mail.execute(
        "UPDATE fanout.deliveries SET cause = 'digest:earlier', id = gen_random_uuid() WHERE false"
    )
    later = utc_now() + timedelta(hours=1)
    settings = DatabaseSettings(dsn=digests.mail.stage.database.jobs_dsn)
    list(run_digests(settings, Digests(), Input(now=later)))
    digests.mail.run()
    assert digests.statuses() == {first: "sent", second: "sent"}
    assert "first.pdf" not in digests.texts[1]


def test_a_dry_run_shows_a_digest_and_records_nothing(digests: DigestDesk) -> None:
    digests.queue(U4, resource_id=R1)
    digests.make()
    digests.mail.execute("UPDATE permissions SET permission = 'none' WHERE user_id = %s", U4)
    digests.mail.dry_run = True
    digests.mail.run()
    assert digests.left_out() == {}
    assert digests.ended() == [("pending", None)]


def test_why_says_of_each_row_what_became_of_it(digests: DigestDesk) -> None:
    document, told = digests.queue(U4, resource_id=R1), digests.queue(U4)
    events = dict(digests.mail.rows("SELECT id, event_id FROM pending_emails"))
    digests.make()
    assert "e-mail → waits to be sent" in said(screen(digests.mail.stage, events[told], U4))
    digests.mail.execute("UPDATE permissions SET permission = 'none' WHERE user_id = %s", U4)
    digests.mail.run()
    stage = digests.mail.stage
    assert "e-mail → resend accepted it 2" in said(screen(stage, events[told], U4))
    left_out = "e-mail → left out of the digest: they may not view it any more"
    assert left_out in said(screen(stage, events[document], U4))
    assert left_out not in said(screen(stage, events[told], U4))


ROW: Final = DigestRow(id=1, left_out=None, is_frozen=False)


def test_what_a_digest_tells_is_what_has_no_reason_now() -> None:
    rows = [ROW, replace(ROW, id=2, left_out="read")]
    assert what_is_told(rows, {1: "muted"}) == ToldRows(ids=[2], left_out={1: "muted"})


def test_a_frozen_digest_tells_what_it_told_before() -> None:
    rows = [replace(ROW, id=number, is_frozen=True) for number in (1, 2, 3)]
    rows[2] = replace(rows[2], left_out="read")
    assert what_is_told(rows, {1: "muted"}) == ToldRows(ids=[1, 2], left_out={3: "read"})
    nothing: dict[int | UUID, str] = {1: "muted", 2: "read", 3: "read"}
    assert what_is_told(rows, nothing) == ToldRows(ids=[], left_out=nothing)
    # One that comes back does not come into a mail that was frozen without it.
    assert what_is_told(rows, {1: "muted", 2: "read"}).ids == [3]
