"""The account of an event of reactions in words, and what to do next: pure functions."""

from typing import Final

from pipeline.domain.names import named
from pipeline.domain.units import counted, duration, moment
from pipeline.ops.reactions.account import Consequence, ReactionAccount, ReactionSeen, ReactionTry
from pipeline.ops.why.account import EventLetter
from pipeline.ops.why.words import row

_PRIORITIES: Final = {"0": "urgent", "1": "high", "2": "medium", "3": "low"}
_KINDS: Final = {
    "Task": "task",
    "TemplateMessage": "message",
    "FollowUp": "event",
    "InboxItem": "inbox item",
    "Credit": "credits",
    "AuditEntry": "log",
    "CommunityRequest": "request",
    "SagaStart": "saga",
    "Touch": "activity",
    "Classification": "intent",
    "Move": "status",
}
# These effects change a row, and make none.
_CHANGES: Final = {
    "Touch": "the time of the last activity, if it is later",
    "Classification": "noted at the conversation, if it is later",
    "Move": "moved on",
    "SagaStart": "its row, if there was none",
}
# These make a row of their own.
_MAKES: Final = frozenset({"Task", "TemplateMessage", "FollowUp", "AuditEntry", "CommunityRequest"})
_FOLLOW_UPS: Final = {
    None: "its row was deleted",
    "done": "done",
    "dead": "dead",
    "unrouted": "has no handler",
    "paused": "is paused",
    "waiting": "waits",
    "leased": "is being processed",
    "pending": "is not processed yet",
}


def state(account: ReactionAccount) -> str:
    """Return how the event stands."""
    event = account.event
    if event.is_past:
        return "over long ago: retention has deleted its row in the ledger, so it never runs again"
    if event.state is None:
        past = "processed before this pipeline saw it, which never runs it"
        return past if event.is_processed else "not processed yet"
    about = f": {event.reason}" if event.reason else ""
    known = {
        "done": f"done{_after(event)}{about}",
        "dead": f"dead after {_tries(event)}",
        "unrouted": f"parked{about}"
        if event.reason
        else "no handler knew its type when it was found",
        "paused": _paused(event),
        "waiting": f"waits after {_tries(event)}{_next(event)}"
        if event.attempts
        else f"waits until it is due{_next(event)}",
        "leased": "is being processed",
        "pending": "to be tried again" if event.replayed_at else "not processed yet",
    }
    return known.get(event.state, event.state)


def advice(account: ReactionAccount) -> str | None:
    """Return what to do next; None if there is nothing to do."""
    event = account.event
    if event.state in (None, "pending") and not (event.is_processed or event.is_past):
        return (
            "if it is not processed in a moment, see whether the graph runs:"
            " python -m pipeline status"
        )
    known: dict[str | None, str | None] = {
        "dead": _about_the_dead(account),
        "unrouted": _about_the_unrouted(account),
        "paused": "it does not age while it waits; to go on:"
        f" python -m pipeline resume {event.type}",
        "done": None
        if event.is_processed or event.is_deleted
        else "its column processed was set back, which runs nothing again: set it to true",
    }
    return known.get(event.state)


def try_line(each: ReactionTry) -> str:
    """Return one try: its result, class, code and reason."""
    named = [part for part in (each.error_class, each.code) if part]
    about = f" ({', '.join(dict.fromkeys(named))})" if named else ""
    reason = f": {each.reason}" if each.reason else ""
    return f"{each.result}{about}{reason}, {moment(each.finished_at)}"


def kind(consequence: Consequence) -> str:
    """Return the name of an effect for people."""
    return _KINDS.get(consequence.kind, consequence.kind)


def outcome(consequence: Consequence) -> str:
    """Return what an effect made, and how it stands now."""
    if consequence.kind in _CHANGES:
        return _CHANGES[consequence.kind]
    if not consequence.is_there:
        gone = "its row was deleted" if consequence.kind in _MAKES else "written"
        return {
            "InboxItem": "changed an item of another event, or none",
            "Credit": "awarded before, for the same key",
        }.get(consequence.kind, gone)
    what = consequence.what or ""
    if consequence.kind == "FollowUp":
        stands = _FOLLOW_UPS.get(consequence.state, consequence.state)
        if consequence.state == "waiting" and consequence.at:
            stands = f"waits until {moment(consequence.at)}"
        return f"{what}  {consequence.id}, {stands}"
    if consequence.kind == "Credit":
        return f"{consequence.number} for {what}{_person(consequence)}"
    details = [f"{what}{_person(consequence)}"]
    if consequence.kind in ("Task", "TemplateMessage") and consequence.number:
        details.append(f"priority {_PRIORITIES.get(consequence.number, consequence.number)}")
    if consequence.kind == "InboxItem":
        details.append(f"score {consequence.number}")
    if consequence.state:
        details.append(consequence.state)
    if consequence.at:
        ends = consequence.kind in ("InboxItem", "CommunityRequest")
        details.append(f"{'until' if ends else 'due'} {moment(consequence.at)}")
    return ", ".join(details)


def letter_line(letter: EventLetter) -> str:
    """Return where the dead letter is, and whether somebody resolved it."""
    resolved = f", resolved: {letter.resolution or 'yes'}" if letter.resolved_at else ""
    return f"{row(letter)}, {moment(letter.last_seen_at)}{resolved}"


def replayed(event: ReactionSeen) -> str | None:
    """Return when and by whom the event was replayed last; None if it never was."""
    if event.replayed_at is None:
        return None
    note = f": {event.replay_note}" if event.replay_note else ""
    return f"{moment(event.replayed_at)} by {event.replayed_by or 'somebody'}{note}"


def _person(consequence: Consequence) -> str:
    return f", person {consequence.user_id}" if consequence.user_id else ""


def _tries(event: ReactionSeen) -> str:
    failed = f", {event.failures} of them failed" if event.replayed_at else ""
    return f"{counted(event.attempts or 0, 'try', 'tries')}{failed}"


def _after(event: ReactionSeen) -> str:
    if event.created_at is None or event.finished_at is None:
        return ""
    seconds = (event.finished_at - event.created_at).total_seconds()
    return f" {duration(seconds)} after it was written" if seconds >= 0 else ""


def _next(event: ReactionSeen) -> str:
    reason = f": {event.reason}" if event.reason else ""
    at = f"; next try {moment(event.next_attempt_at)}" if event.next_attempt_at else ""
    return f"{reason}{at}"


def _paused(event: ReactionSeen) -> str:
    if event.switch_state == "open":
        return f"waits behind its breaker: {event.switch_reason or 'its type failed in a row'}"
    if event.switch_state == "paused":
        reason = f": {event.switch_reason}" if event.switch_reason else ""
        return f"paused by {event.switch_who}{reason}"
    return "its type was paused, and goes on"


def _replay(event: ReactionSeen) -> str:
    return f"python -m pipeline replay --event {event.id}"


def _about_the_unrouted(account: ReactionAccount) -> str:
    event = account.event
    if account.has_handler:
        return f"{named(event.type)} has a handler now: {_replay(event)}"
    if not event.type:
        return f"fill its column event_type, then: {_replay(event)}"
    return f"write a handler for {named(event.type)} (docs/reactions.md), then: {_replay(event)}"


def _about_the_dead(account: ReactionAccount) -> str:
    letter, replay = account.letter, _replay(account.event)
    if letter is not None and letter.resolved_at is not None:
        return (
            f"nothing: its dead letter was resolved by hand {moment(letter.resolved_at)}"
            f" ({letter.resolution or 'no reason given'}); to run it anyway: {replay}"
        )
    return f"fix the cause, then: {replay}{_or_resolve(account)}"


def _or_resolve(account: ReactionAccount) -> str:
    if account.letter is None:
        return ""
    command = f"python -m pipeline dead-letters resolve --id {account.letter.id} --reason TEXT"
    return f"; or, if nobody needs it: {command}"
