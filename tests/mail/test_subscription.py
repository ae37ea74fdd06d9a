"""Which mails can be unsubscribed from, and what then ends."""

from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from pipeline.domain.identifiers import EventType, UserId
from pipeline.fanout.effects import Channel, Delivery
from pipeline.fanout.handlers import HANDLERS
from pipeline.mail.general_words import MISSED_PUSH
from pipeline.mail.material import Digest, Immediate, Transactional
from pipeline.mail.subscription import (
    DIGEST,
    DIGEST_TYPES,
    MailSubscription,
    subject_of,
    subscription_to,
)
from pipeline.mail.words import WORDS
from pipeline.ops.sample.added import added_events
from pipeline.ops.sample.events import sample_events
from pipeline.ops.sample.mails import sample_update
from tests.mail.desk import update, uploaded

USER: Final = UserId(UUID("a0000000-0000-4000-8000-000000000002"))
NOW: Final = datetime(2026, 3, 2, tzinfo=UTC)
MAILED: Final = {name: each for name, each in HANDLERS.items() if Channel.EMAIL in each.channels}


def ended(kind: str) -> MailSubscription:
    return MailSubscription(user_id=USER, event_type=kind)


def test_digests_and_nudges_can_be_unsubscribed_from_and_nothing_else() -> None:
    nudge = Immediate(update("resume_incomplete_nudge", {}))
    assert subscription_to(nudge, USER) == ended("resume_incomplete_nudge")
    assert subscription_to(Digest([uploaded("a")]), USER) == ended(DIGEST)
    # Even if all that it carries is a nudge.
    assert subscription_to(Digest([update("thread_unread_stale", {})]), USER) == ended(DIGEST)
    for other in ("invite_accepted", "project_access_granted", "of_a_type_unknown_to_us"):
        assert subscription_to(Immediate(update(other, {})), USER) is None
    assert subscription_to(Transactional("magic_link", {}), USER) is None


def test_the_words_say_which_types_wait_for_the_digest_as_their_handlers_decide() -> None:
    sample = sample_events(NOW)
    events = [*sample, *added_events(HANDLERS.values(), sample)]
    waiting = set()
    for name, handler in MAILED.items():
        found = sample_update(handler, events, None, NOW)
        assert found is not None, f"no sample event of {name} mails anything"
        if found[2] is Delivery.AGGREGATED:
            waiting.add(name)
    # Pushes that were too much for the phone are told in digests only.
    assert set(DIGEST_TYPES) == {*waiting, MISSED_PUSH} != {MISSED_PUSH}


def test_people_mute_these_types_by_their_own_names() -> None:
    """A subscription ends with a preference for the name of the event type."""
    nudges = {each for each, words in WORDS.items() if words.is_nudge}
    for name in {*DIGEST_TYPES, *nudges} - {MISSED_PUSH}:
        assert HANDLERS[EventType(name)].preference.name == name


def test_every_nudge_says_what_people_unsubscribe_from() -> None:
    nudges = {name for name, words in WORDS.items() if words.is_nudge}
    assert nudges == {name for name in MAILED if name.endswith(("_nudge", "_stale"))}
    said = {subject_of(ended(name)) for name in nudges}
    assert len(said) == len(nudges)
    assert all(each.startswith("reminders of ") for each in said)
    assert subject_of(ended(DIGEST)) == "digests of what is new"
    assert subject_of(ended("of_a_type_unknown_to_us")) == "updates of this kind"
    assert DIGEST not in HANDLERS
