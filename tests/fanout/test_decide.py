import sys
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

import pytest

from pipeline.domain.errors import HandlerFailed
from pipeline.domain.identifiers import AI_USER, EventId, UserId
from pipeline.fanout.ask import ask
from pipeline.fanout.audience import Audience, Nobody
from pipeline.fanout.decide import Policy, decide, expire, leave_unrouted
from pipeline.fanout.effects import Channel, Delivery, Effect, Email
from pipeline.fanout.events import Event, Unrouted
from pipeline.fanout.facts import Facts, Person, Thread
from pipeline.fanout.handler import Handler
from pipeline.fanout.outcome import Outcome, Skip, Status
from pipeline.fanout.preferences import PreferenceRow, Scope
from pipeline.fanout.reasons import Reason
from tests.builders import (
    ANN,
    BOB,
    GENERAL,
    GREETED,
    NOON,
    TOWER,
    Greeted,
    GreetedHandler,
    activity,
    email,
    event,
    facts,
    notification,
    preference,
)

CANARY: Final = "kanarienvogel"
BOTH: Final = (notification(title="hello"), email())
POLICY: Final = Policy()


def decided(
    known: Facts,
    about: Event[Greeted] | None = None,
    handler: GreetedHandler | None = None,
    *,
    policy: Policy = POLICY,
) -> Outcome:
    handler, about = handler or GreetedHandler(), about or event()
    return expire(about, policy, NOON) or decide(handler, ask(handler, about), known, policy)


def nothing_for(user: UserId, reason: Reason, row: UUID | None = None) -> tuple[Skip, Skip]:
    return Skip(user, Channel.IN_APP, reason, row), Skip(user, Channel.EMAIL, reason, row)


@dataclass(frozen=True)
class Wants(GreetedHandler):
    """A handler whose effects the test chooses."""

    effects: Callable[[], Iterable[Effect]]

    def decide(
        self,
        event: Event[Greeted],  # noqa: ARG002
        person: Person,  # noqa: ARG002
        facts: Facts,  # noqa: ARG002
    ) -> Iterable[Effect]:
        return self.effects()


def test_everyone_in_the_audience_gets_what_the_handler_wants() -> None:
    outcome = decided(facts(BOB, ANN))
    assert outcome.status is Status.COMPLETED
    assert outcome.reason is None
    assert outcome.effects == tuple((user, effect) for user in (BOB, ANN) for effect in BOTH)
    assert outcome.skips == ()


def test_the_actor_hears_nothing() -> None:
    outcome = decided(facts(ANN, BOB), event(actor_id=ANN))
    assert outcome.skips == nothing_for(ANN, Reason.ACTOR)
    assert {user for user, _ in outcome.effects} == {BOB}


def test_the_actor_hears_of_it_where_the_handler_leaves_nobody_out() -> None:
    class ForAll(GreetedHandler):
        def excluded_user(self, event: Event[Greeted]) -> UserId | None:
            return Handler.excluded_user(self, event)

    outcome = decided(facts(ANN), event(actor_id=ANN), ForAll())
    assert outcome.effects == ((ANN, BOTH[0]), (ANN, BOTH[1]))


def test_a_system_user_hears_nothing() -> None:
    assert decided(facts(AI_USER)).skips == nothing_for(AI_USER, Reason.SYSTEM_USER)


def test_who_is_a_system_user_can_be_configured() -> None:
    outcome = decided(facts(AI_USER, BOB), policy=Policy(system_users=frozenset({BOB})))
    assert outcome.skips == nothing_for(BOB, Reason.SYSTEM_USER)
    assert {user for user, _ in outcome.effects} == {AI_USER}


def test_someone_without_a_profile_hears_nothing() -> None:
    outcome = decided(facts(BOB, without_profile=[BOB]))
    assert (outcome.effects, outcome.skips) == ((), nothing_for(BOB, Reason.NO_PROFILE))


def test_someone_without_access_hears_nothing() -> None:
    outcome = decided(facts(BOB, without_access=[BOB]))
    assert (outcome.effects, outcome.skips) == ((), nothing_for(BOB, Reason.NO_ACCESS))


def test_the_first_of_several_reasons_is_the_one_recorded() -> None:
    known = facts(ANN, AI_USER, without_access=[ANN, AI_USER], without_profile=[ANN, AI_USER])
    assert decided(known, event(actor_id=ANN)).skips == (
        *nothing_for(ANN, Reason.ACTOR),
        *nothing_for(AI_USER, Reason.SYSTEM_USER),
    )


@pytest.mark.parametrize(
    ("scope", "scope_id", "reason"),
    [
        (Scope.GLOBAL, None, Reason.MUTED_GLOBALLY),
        (Scope.PROJECT, TOWER, Reason.MUTED_PROJECT),
        (Scope.THREAD, GENERAL, Reason.MUTED_THREAD),
    ],
    ids=["global", "project", "thread"],
)
def test_who_muted_the_event_hears_nothing_and_the_row_is_named(
    scope: Scope, scope_id: UUID | None, reason: Reason
) -> None:
    row = preference(number=7, scope=scope, scope_id=scope_id)
    about = event(project_id=TOWER, thread_id=GENERAL)
    outcome = decided(facts(BOB, rows={BOB: [row]}), about)
    assert outcome.effects == ()
    assert outcome.skips == nothing_for(BOB, reason, row.id)


def test_a_channel_is_muted_without_the_other() -> None:
    row = preference(number=7, channel="email")
    outcome = decided(facts(BOB, rows={BOB: [row]}))
    assert outcome.effects == ((BOB, BOTH[0]),)
    assert outcome.skips == (Skip(BOB, Channel.EMAIL, Reason.MUTED_GLOBALLY, row.id),)


def test_the_events_own_project_decides_whatever_thread_it_names() -> None:
    thread = Thread(GENERAL, "general", TOWER)
    row = preference(scope=Scope.PROJECT, scope_id=TOWER)
    base = facts(BOB, rows={BOB: [row]})
    known = Facts(
        candidates=base.candidates,
        people=base.people,
        preferences=base.preferences,
        threads={GENERAL: thread},
    )
    elsewhere = event(thread_id=GENERAL, project_id=UUID(int=0x99))
    assert decided(known, elsewhere).effects != ()
    assert decided(known, event(thread_id=GENERAL, project_id=TOWER)).effects == ()


@pytest.mark.parametrize("wanted", Delivery)
def test_a_digest_preference_makes_every_email_wait(wanted: Delivery) -> None:
    rows: dict[UserId, list[PreferenceRow]] = {BOB: [preference("digest", channel="email")]}
    outcome = decided(facts(BOB, rows=rows), handler=Wants(lambda: [email(wanted)]))
    deliveries = [effect.delivery for _, effect in outcome.effects if isinstance(effect, Email)]
    assert deliveries == [Delivery.AGGREGATED]


def test_a_channel_that_the_handler_leaves_out_is_recorded() -> None:
    outcome = decided(facts(BOB), handler=Wants(lambda: [email()]))
    assert outcome.skips == (Skip(BOB, Channel.IN_APP, Reason.NOT_ELIGIBLE),)


def test_an_audience_of_nobody_is_completed_for_its_reason() -> None:
    class ForNobody(GreetedHandler):
        def audience(self, event: Event[Greeted]) -> Audience:  # noqa: ARG002
            return Nobody("nobody is named")

    outcome = decided(facts(BOB), handler=ForNobody())
    assert (outcome.status, outcome.reason) == (Status.COMPLETED, "nobody is named")
    assert (outcome.effects, outcome.skips) == ((), ())


def test_an_audience_without_people_is_completed_for_that_reason() -> None:
    outcome = decided(facts())
    assert (outcome.status, outcome.reason) == (Status.COMPLETED, "nobody in the audience")


def raise_with_a_value() -> Iterable[Effect]:
    yield email()
    raise KeyError(CANARY)


def test_a_handler_that_raises_is_named_with_its_line_and_without_its_words() -> None:
    with pytest.raises(HandlerFailed) as raised:
        decided(facts(BOB), handler=Wants(raise_with_a_value))
    cause = raised.value.__cause__
    assert isinstance(cause, KeyError)
    line = traceback.extract_tb(cause.__traceback__)[-1].lineno
    assert str(raised.value) == f"Wants raised KeyError at test_decide.py:{line}"


def leave() -> Iterable[Effect]:
    sys.exit(3)


def test_a_handler_that_ends_its_process_fails_its_event_alone() -> None:
    with pytest.raises(HandlerFailed, match=r"^Wants raised SystemExit at test_decide\.py:\d+$"):
        decided(facts(BOB), handler=Wants(leave))


def test_an_audience_that_raises_fails_the_event_too() -> None:
    class Broken(GreetedHandler):
        def audience(self, event: Event[Greeted]) -> Audience:  # noqa: ARG002
            raise ValueError(CANARY)

    with pytest.raises(HandlerFailed, match=r"^Broken raised ValueError at test_decide\.py:\d+$"):
        decided(facts(BOB), handler=Broken())


@pytest.mark.parametrize(
    "effects",
    [
        pytest.param((email(), email()), id="two e-mails"),
        pytest.param((notification(kind="a"), notification(kind="a")), id="two of one kind"),
        pytest.param((activity(), activity()), id="two counts"),
    ],
)
def test_two_effects_of_one_kind_for_one_person_break_the_contract(
    effects: tuple[Effect, ...],
) -> None:
    with pytest.raises(
        HandlerFailed, match=r"^Wants returned two effects of one kind for one person$"
    ):
        decided(facts(BOB), handler=Wants(lambda: effects))


def test_a_channel_that_is_not_declared_breaks_the_contract() -> None:
    @dataclass(frozen=True)
    class InAppOnly(Wants):
        channels = (Channel.IN_APP,)

    with pytest.raises(HandlerFailed, match="used a channel that it does not declare"):
        decided(facts(BOB), handler=InAppOnly(lambda: [email()]))


def test_what_a_muted_person_would_get_must_keep_the_contract_as_well() -> None:
    known = facts(BOB, rows={BOB: [preference()]})
    with pytest.raises(HandlerFailed):
        decided(known, handler=Wants(lambda: [email(), email()]))


@pytest.mark.parametrize(
    ("age", "status"),
    [
        (timedelta(hours=24), Status.EXPIRED),
        (timedelta(hours=24) - timedelta(microseconds=1), Status.COMPLETED),
        (timedelta(days=-1), Status.COMPLETED),
    ],
    ids=["at the limit", "just under it", "from the future"],
)
def test_an_event_expires_at_exactly_the_age_limit(age: timedelta, status: Status) -> None:
    assert decided(facts(BOB), event(created_at=NOON - age)).status is status


def test_an_expired_event_says_how_old_is_too_old() -> None:
    policy = Policy(max_event_age=timedelta(minutes=90))
    outcome = decided(facts(BOB), event(created_at=NOON - timedelta(days=1)), policy=policy)
    assert (outcome.reason, outcome.effects, outcome.skips) == ("older than 1.5 hours", (), ())


def test_without_a_limit_nothing_expires() -> None:
    ancient = event(created_at=NOON - timedelta(days=3_650))
    outcome = decided(facts(BOB), ancient, policy=Policy(max_event_age=None))
    assert outcome.status is Status.COMPLETED


def test_an_event_that_a_replay_wants_does_not_expire() -> None:
    ancient = event(created_at=NOON - timedelta(days=3_650), ignore_age=True)
    outcome = decided(facts(BOB), ancient)
    assert (outcome.status, outcome.reason) == (Status.COMPLETED, None)
    assert outcome.effects != ()


def test_an_unrouted_event_is_recorded_as_such() -> None:
    outcome = leave_unrouted(Unrouted(id=EventId(1), type=GREETED))
    assert outcome == Outcome(
        event_id=EventId(1),
        event_type=GREETED,
        status=Status.UNROUTED,
        reason="no handler for this event type",
    )
