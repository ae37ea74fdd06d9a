"""What a digest says of pushes that were too much for a phone, and how they end with it."""

from typing import Any, Final
from uuid import UUID, uuid4

import pytest

from local.loopback import DROPPED_AFTER
from local.resend.faults import fault
from pipeline.fanout.effects import Channel
from tests.golden.world import P1, U2, U4
from tests.mail.page import read
from tests.ops.test_why import said, screen
from tests.steps.mail.desk import MailDesk
from tests.steps.mail.test_digests import AGE, CAPMATCH, DigestDesk


class OverflowDesk(DigestDesk):
    """A digest desk at which pushes were too much."""

    def overflow(
        self,
        title: str = "Meeting moved",
        user: UUID = U2,
        *,
        kind: str = "meeting_updated",
        notification: int | None = None,
        project: UUID | None = P1,
    ) -> int:
        """Insert what the fan-out told in the app, and its push; return the event."""
        event = self.mail.stage.emit(kind, {}, age=AGE, project_id=project)
        if notification is None:
            [(notification,)] = self.mail.rows(
                "INSERT INTO notifications (user_id, event_id, title, body, link_url, kind)"
                " VALUES (%s, %s, %s, 'b', '/meetings', %s) RETURNING id",
                user, event, title, kind,
            )  # fmt: skip
        self._push(user, f"domain_events:{event}", kind, "notifications", str(notification))
        return event

    def overflow_of_activity(self, title: str, user: UUID = U2) -> UUID:
        """Insert what another service told, and its push; return the row's id."""
        id_ = uuid4()
        self.mail.execute(
            "INSERT INTO activity.notifications (id, user_id, title, message, payload)"
            """ VALUES (%s, %s, %s, 'm', '{"link": "/friends"}')""",
            id_, user, title,
        )  # fmt: skip
        cause = f"activity.notifications:{id_}"
        self._push(user, cause, "friend_request", "activity.notifications", str(id_))
        return id_

    def _push(self, user: UUID, *columns: str) -> None:
        self.mail.execute(
            "INSERT INTO fanout.deliveries (id, channel, recipient, state, user_id, created_at,"
            " expires_at, cause, kind, source, source_id) VALUES (gen_random_uuid(), 'bus', %s,"
            " 'digest', %s, now() - %s::interval, now() + interval '1 hour', %s, %s, %s, %s)",
            str(user), user, AGE, *columns,
        )  # fmt: skip

    def pushes(self) -> list[tuple[str, str | None, str | None]]:
        """State and reason of every push, and why a digest left it out."""
        return self.mail.rows(
            "SELECT state, reason, left_out FROM fanout.deliveries"
            " LEFT JOIN fanout.digest_pushes ON push_id = id"
            " WHERE channel = 'bus' ORDER BY sequence"
        )


TOLD: Final = ("done", "told in the digest", None)


@pytest.fixture
def digests(desk: MailDesk) -> OverflowDesk:
    desk.brand = CAPMATCH
    return OverflowDesk(desk)


def test_a_digest_tells_e_mails_and_pushes_and_all_end_with_it(digests: OverflowDesk) -> None:
    digests.mail.through_graph = True
    email = digests.queue()
    digests.overflow("Meeting moved to noon")
    digests.overflow_of_activity("Eve wants to be your friend")
    digests.run()
    [mail] = digests.mail.server.accepted
    assert mail.to == ["u2@x.test"]
    assert mail.content["subject"] == "Your CapMatch Updates (3 new updates)"
    lines = read(mail.content["html"]).lines
    start = lines.index("Tower")
    assert lines[start:-3] == [
        "Tower",
        "New Documents",
        "a.pdf uploaded by Ann Actor",
        "Notifications",
        "Meeting moved to noon",
        "Notifications",
        "Notifications",
        "Eve wants to be your friend",
    ]
    assert "https://capmatch.com/friends" in mail.content["html"]
    assert digests.pushes() == [TOLD, TOLD]
    assert digests.statuses() == {email: "sent"}
    # What another service told is processed.
    assert digests.mail.rows("SELECT is_processed FROM activity.notifications") == [(True,)]


def test_501_pushes_are_one_mail(digests: OverflowDesk) -> None:
    for number in range(501):
        digests.overflow(f"Title {number}")
    digests.run()
    [mail] = digests.mail.server.accepted
    assert mail.content["subject"] == "Your CapMatch Updates (501 new updates)"
    assert digests.pushes() == [TOLD] * 501


def test_a_single_push_gives_its_title_to_a_digest(digests: OverflowDesk) -> None:
    digests.overflow("Meeting moved to noon")
    digests.run()
    [mail] = digests.mail.server.accepted
    assert mail.content["subject"] == "Meeting moved to noon"


def test_messages_that_one_notification_counts_are_one_line(digests: OverflowDesk) -> None:
    digests.overflow("3 new messages", kind="chat_message_sent")
    [(notification,)] = digests.mail.rows("SELECT id FROM notifications")
    for _ in range(2):
        digests.overflow(kind="chat_message_sent", notification=notification)
    digests.run()
    [mail] = digests.mail.server.accepted
    assert mail.content["subject"] == "3 new messages"
    left_out = ("cancelled", "left out of the digest", "same")
    assert digests.pushes() == [left_out, left_out, TOLD]


def read_it(digests: OverflowDesk) -> None:
    digests.mail.execute("UPDATE notifications SET read_at = now()")


def mute_mails(digests: OverflowDesk) -> None:
    digests.mail.stage.prefer(U4, "muted", name="meeting_updated", channel=Channel.EMAIL)


def leave_digests(digests: OverflowDesk) -> None:
    """As the link in a digest does."""
    digests.mail.stage.prefer(U4, "muted", name="missed_push", channel=Channel.EMAIL)


def mute_everything(digests: OverflowDesk) -> None:
    digests.mail.stage.prefer(U4, "muted")


def lose_access(digests: OverflowDesk) -> None:
    digests.mail.execute("DELETE FROM project_access_grants WHERE user_id = %s", U4)


def expire(digests: OverflowDesk) -> None:
    digests.mail.execute("UPDATE fanout.deliveries SET expires_at = now() WHERE channel = 'bus'")


def delete_it(digests: OverflowDesk) -> None:
    digests.mail.execute("DELETE FROM notifications")


def mail_it(digests: OverflowDesk) -> None:
    digests.mail.execute(
        "INSERT INTO pending_emails (user_id, event_id, event_type, delivery_type, subject,"
        " body_data, status) SELECT user_id, event_id, kind, 'immediate', 's', '{}', 'sent'"
        " FROM notifications"
    )


LEFT_OUT: Final[dict[str, tuple[Any, str]]] = {
    "read": (read_it, "read"),
    "muted by mail": (mute_mails, "muted"),
    "digests left": (leave_digests, "muted"),
    "muted everywhere": (mute_everything, "muted"),
    "access lost": (lose_access, "no_access"),
    "too late": (expire, "expired"),
    "deleted": (delete_it, "gone"),
    "mailed": (mail_it, "mailed"),
}


@pytest.mark.parametrize("what", LEFT_OUT)
def test_what_is_not_wanted_any_more_is_left_out_and_says_why(
    digests: OverflowDesk, what: str
) -> None:
    change, word = LEFT_OUT[what]
    digests.overflow(user=U4)
    digests.make()
    change(digests)
    digests.mail.run()
    assert digests.mail.server.accepted == []
    state = "expired" if word == "expired" else "cancelled"
    assert digests.pushes() == [(state, "left out of the digest", word)]


def test_control_what_nothing_speaks_against_is_told(digests: OverflowDesk) -> None:
    digests.overflow(user=U4)
    digests.run()
    assert [mail.to for mail in digests.mail.server.accepted] == [["u4@x.test"]]


def test_what_is_left_out_leaves_the_rest_in(digests: OverflowDesk) -> None:
    digests.overflow("First")
    email = digests.queue()
    digests.overflow("Second")
    digests.make()
    digests.mail.execute("UPDATE notifications SET read_at = now() WHERE title = 'First'")
    digests.mail.run()
    [mail] = digests.mail.server.accepted
    assert mail.content["subject"] == "Your CapMatch Updates (2 new updates)"
    assert digests.statuses() == {email: "sent"}
    assert digests.pushes() == [("cancelled", "left out of the digest", "read"), TOLD]


def test_a_crash_between_the_digest_and_its_end_is_one_mail(digests: OverflowDesk) -> None:
    digests.overflow()
    digests.make()
    digests.mail.server.fail_next(DROPPED_AFTER)
    digests.mail.run()
    digests.mail.forget()
    digests.mail.pass_time(120)
    digests.mail.run()
    assert len(digests.mail.server.accepted) == 1
    assert digests.pushes() == [TOLD]


def test_a_digest_that_fails_for_good_ends_its_pushes(digests: OverflowDesk) -> None:
    digests.overflow()
    digests.make()
    digests.mail.server.fail_next(fault(422, "validation_error"))
    digests.mail.run()
    assert digests.pushes() == [("cancelled", "the digest with it was not sent", None)]


def test_who_has_no_address_gets_no_digest_of_pushes(digests: OverflowDesk) -> None:
    digests.overflow()
    digests.make()
    digests.mail.execute("UPDATE profiles SET email = '' WHERE id = %s", U2)
    digests.mail.run()
    assert digests.ended()[-1][0] == "cancelled"
    assert digests.pushes() == [("cancelled", "the digest with it was not sent", None)]


def test_why_says_what_became_of_a_push_that_was_too_much(digests: OverflowDesk) -> None:
    stage = digests.mail.stage
    told, left_out = digests.overflow("First", U4), digests.overflow("Second", U4)
    digests.mail.execute(
        "UPDATE fanout.deliveries SET reason = 'nobody was connected; the person has got enough'"
    )
    waits = "waits for the next digest: nobody was connected; the person has got enough"
    assert waits in said(screen(stage, told, U4))
    digests.make()
    digests.mail.execute("UPDATE notifications SET read_at = now() WHERE title = 'Second'")
    digests.mail.run()
    assert "told in the digest" in said(screen(stage, told, U4))
    assert "left out of the digest: they had read it in the app" in said(
        screen(stage, left_out, U4)
    )
