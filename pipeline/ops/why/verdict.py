"""The state of an event and what to do next, in words: pure functions of its account."""

from datetime import timedelta
from typing import Final

from pipeline.domain.units import ago, duration, is_ahead, moment
from pipeline.fanout.outcome import Status
from pipeline.ops.why.account import Account, EventLetter, PersonAccount

# The stream needs well under a second. An older event is not in the stream any more.
ON_ITS_WAY: Final = timedelta(minutes=1)
# How to fix a dead event, by the class of its error.
_FIXES: Final = {
    "TooLarge": "shorten the used part of its payload in domain_events",
    "TooDeep": "make its payload in domain_events less deep",
}


def state(account: Account) -> str:
    """Return the state of the event, and how long it took."""
    ledger = account.ledger
    if ledger is None:
        past = "finished long ago: retention has deleted its ledger row"
        return past if account.event.is_past else "not processed yet"
    if ledger.status == Status.PAUSED:
        since = f" since {moment(ledger.paused_at)}" if ledger.paused_at else ""
        why = ledger.reason or "its event type is paused"
        return f"waits{since}: {why if ledger.held else 'its event type was paused'}"
    after = _after(ledger.took) if ledger.took is not None else ""
    reason = f": {ledger.reason}" if ledger.reason and ledger.status != Status.DEAD else ""
    return f"{ledger.status}{after}{reason}"


def advice(account: Account) -> str | None:
    """Return what to do next; None if there is nothing to do."""
    if account.ledger is None:
        return None if account.event.is_past else _about_the_unprocessed(account)
    known: dict[str, str | None] = {
        Status.COMPLETED: None,
        Status.EXPIRED: "too late to tell anyone; to tell people anyway:"
        f" {_replay(account)} --ignore-age",
        Status.UNROUTED: _about_the_unrouted(account),
        Status.DEAD: _about_the_dead(account),
        Status.PAUSED: _about_the_paused(account),
    }
    otherwise = "another program set this state; it is not final: python -m pipeline catch-up"
    return known.get(account.ledger.status, otherwise)


def not_considered(account: Account, person: PersonAccount) -> str:
    """Return why there is no decision about the person asked about."""
    who = "they were" if person.name else "no profile has this id; they were"
    if account.ledger is None or account.ledger.status != Status.COMPLETED:
        return f"{who} not considered; the event is {state(account)}"
    if account.ledger.reason:
        return f"{who} not considered, and nobody else was: {account.ledger.reason}"
    return f"{who} not considered; {audience(account)}"


def audience(account: Account) -> str:
    """Return who may hear of events of this type."""
    if account.audience is None:
        return f"{account.event.type} no longer has a handler"
    return f"who may hear of {account.event.type}: {account.audience}"


def _after(took: timedelta) -> str:
    seconds = took.total_seconds()
    if is_ahead(seconds):
        return f" {duration(-seconds)} before its created_at: the producer's clock is fast"
    return f" {duration(seconds)} after it was written"


def _about_the_unprocessed(account: Account) -> str:
    seconds = account.event.age.total_seconds()
    if is_ahead(seconds):
        return (
            f"its created_at is {ago(seconds)}: the producer's clock is fast; if the event is not"
            " processed in a moment, check that Debezium and the pipeline run"
        )
    age = duration(seconds)
    if account.event.age < ON_ITS_WAY:
        return f"it is {age} old and probably in the stream: ask again in a moment"
    return (
        f"it is {age} old: check that Debezium and the pipeline run; python -m pipeline catch-up"
        " processes it without Debezium"
    )


def _about_the_unrouted(account: Account) -> str:
    if account.audience is None:
        first = f"add a handler for {account.event.type} (docs/adding-an-event-type.md)"
        return f"{first}, then: {_replay(account)}"
    return f"{account.event.type} has a handler now: {_replay(account)}"


def _about_the_paused(account: Account) -> str:
    catch_up = "python -m pipeline catch-up"
    if account.ledger is not None and account.ledger.held:
        resume = f"python -m pipeline resume {account.event.type}"
        return f"it does not age while it waits; to process it: {resume}, then: {catch_up}"
    return f"its type was resumed; to process this event: {catch_up}"


def _about_the_dead(account: Account) -> str:
    letter = account.letter
    # The event is still dead, so a person closed its letter, not a replay.
    if letter is not None and letter.resolved_at is not None:
        return (
            f"nothing: its dead letter was resolved by hand {moment(letter.resolved_at)}"
            f" ({letter.resolution or 'no reason given'}); to tell people anyway, fix the cause,"
            f' then: {_replay(account)} --apply --topic "$TOPIC"'
        )
    fix = _FIXES.get(letter.error_class if letter else "", "fix the cause")
    return f"{fix}, then: {_replay(account)}{_or_resolve(letter)}"


def _or_resolve(letter: EventLetter | None) -> str:
    if letter is None:
        return ""
    command = f"python -m pipeline dead-letters resolve --id {letter.id} --reason TEXT"
    return f"; or, if nobody needs to be told: {command}"


def _replay(account: Account) -> str:
    return f"python -m pipeline replay --event {account.event.id}"
