"""What became of an event and what to do about it, in words: pure functions of its account."""

from datetime import timedelta
from typing import Final

from pipeline.domain.units import ago, duration, is_ahead
from pipeline.fanout.outcome import Status
from pipeline.ops.why.account import Account, EventLetter, PersonAccount
from pipeline.ops.why.words import moment

# The stream needs well under a second: what is older is not on its way any more.
ON_ITS_WAY: Final = timedelta(minutes=1)
# What a person can do about a dead event, by the class of its error.
_FIXES: Final = {
    "TooLarge": "shorten what is used of its payload, in domain_events",
    "TooDeep": "make its payload flatter, in domain_events",
}


def state(account: Account) -> str:
    """What became of the event, and how fast."""
    ledger = account.ledger
    if ledger is None:
        return "not processed yet"
    if ledger.status == Status.PAUSED:
        since = f" since {moment(ledger.paused_at)}" if ledger.paused_at else ""
        why = ledger.reason or "its event type is paused"
        return f"waits{since}: {why if ledger.held else 'its event type was paused'}"
    after = _after(ledger.took) if ledger.took is not None else ""
    reason = f": {ledger.reason}" if ledger.reason and ledger.status != Status.DEAD else ""
    return f"{ledger.status}{after}{reason}"


def advice(account: Account) -> str | None:
    """What to do next; None where there is nothing to do."""
    if account.ledger is None:
        return _about_the_unprocessed(account)
    known: dict[str, str | None] = {
        Status.COMPLETED: None,
        Status.EXPIRED: "too late to tell anyone; if they must hear all the same:"
        f" {_replay(account)} --ignore-age",
        Status.UNROUTED: _about_the_unrouted(account),
        Status.DEAD: _about_the_dead(account),
        Status.PAUSED: _about_the_paused(account),
    }
    otherwise = "no final state, and none of this pipeline's: run python -m pipeline catch-up"
    return known.get(account.ledger.status, otherwise)


def not_considered(account: Account, person: PersonAccount) -> str:
    """Why nothing was decided about the person asked about."""
    who = "they were" if person.name else "no profile has this id; they were"
    if account.ledger is None or account.ledger.status != Status.COMPLETED:
        return f"{who} not considered; the event is {state(account)}"
    if account.ledger.reason:
        return f"{who} not considered, nor was anybody: {account.ledger.reason}"
    return f"{who} not considered; {audience(account)}"


def audience(account: Account) -> str:
    """Who may hear of events of this type."""
    if account.audience is None:
        return f"{account.event.type} has no handler any more"
    return f"who may hear of {account.event.type}: {account.audience}"


def _after(took: timedelta) -> str:
    seconds = took.total_seconds()
    if is_ahead(seconds):
        return f" {duration(-seconds)} before its own time: the clock that wrote it is fast"
    return f" {duration(seconds)} after it was written"


def _about_the_unprocessed(account: Account) -> str:
    seconds = account.event.age.total_seconds()
    if is_ahead(seconds):
        return (
            f"its time is {ago(seconds)}: the clock that wrote it is fast; if it is not"
            " processed in a moment, see that Debezium and the pipeline run"
        )
    age = duration(seconds)
    if account.event.age < ON_ITS_WAY:
        return f"it is {age} old and likely on its way: ask again in a moment"
    return (
        f"it is {age} old: see that Debezium and the pipeline run; python -m pipeline catch-up"
        " processes it without Debezium"
    )


def _about_the_unrouted(account: Account) -> str:
    if account.audience is None:
        first = f"give {account.event.type} a handler (docs/adding-an-event-type.md)"
        return f"{first}, then: {_replay(account)}"
    return f"{account.event.type} has a handler by now: {_replay(account)}"


def _about_the_paused(account: Account) -> str:
    catch_up = "python -m pipeline catch-up"
    if account.ledger is not None and account.ledger.held:
        resume = f"python -m pipeline resume {account.event.type}"
        return f"it does not age meanwhile; when its type may go on: {resume}, then: {catch_up}"
    return f"its type goes on again, and so does this event with: {catch_up}"


def _about_the_dead(account: Account) -> str:
    letter = account.letter
    # The event is dead still, so no replay was what closed its letter.
    if letter is not None and letter.resolved_at is not None:
        return (
            f"nothing, for its dead letter was resolved by hand {moment(letter.resolved_at)}"
            f" ({letter.resolution or 'without a word'}); to tell people after all, once the cause"
            f' is fixed: {_replay(account)} --apply --topic "$TOPIC"'
        )
    fix = _FIXES.get(letter.error_class if letter else "", "fix the cause")
    return f"{fix}, then: {_replay(account)}{_or_resolve(letter)}"


def _or_resolve(letter: EventLetter | None) -> str:
    if letter is None:
        return ""
    command = f"python -m pipeline dead-letters resolve --id {letter.id} --reason TEXT"
    return f"; or, if nobody needs to hear of it: {command}"


def _replay(account: Account) -> str:
    return f"python -m pipeline replay --event {account.event.id}"
