"""Turns the entries of reactions into their Markdown page."""

from collections.abc import Iterator, Sequence
from typing import Final

from pipeline.ops.catalogue.fields import PayloadKey
from pipeline.ops.catalogue.reaction import ReactionEntry
from pipeline.reactions.effects import (
    AuditEntry,
    Credit,
    FollowUp,
    InboxItem,
    Reaction,
    Task,
    TemplateMessage,
)
from pipeline.reactions.outcome import Done, GaveUp, RetryAt
from tools.catalogue.markdown import block, capital, default, table

PAGE: Final = "reaction-events.md"
_HEAD: Final = """\
# Events of reactions

The event types of `reactions.events` that have a handler, and what follows from them. This page and
the JSON Schemas beside it are generated from the handlers: change the handlers, then run
`make catalogue`. [Reactions](reactions.md) says how events are processed. The events of the fan-out
are in [another page](events.md).

For every type:

* A payload key that is absent, null or an empty text takes its default. Without a *needed* key, and
  with a value of the wrong type, the event is dead. Keys that are not listed are ignored.
* An event is processed once: what follows from it has ids that are made from its own.
* A [route](reactions.md#routes) can send the events that fulfil a condition elsewhere.
* A type that is not listed is *unrouted*: its events are stored, and not closed.

The examples assume that what a handler asks for exists, in the state in which most follows.
"""


def reactions_page(entries: Sequence[ReactionEntry]) -> str:
    """Return the whole page."""
    return "\n".join([_HEAD, *_contents(entries), *(_section(entry) for entry in entries)])


def _contents(entries: Sequence[ReactionEntry]) -> Iterator[str]:
    return table("| event type | what happened | what follows |", map(_in_contents, entries))


def _in_contents(entry: ReactionEntry) -> Sequence[str]:
    name = entry.handler.event_type
    # An anchor has no dots.
    link = f"[`{name}`](#{name.replace('.', '')})"
    return (link, capital(entry.occasion), entry.follows)


def _section(entry: ReactionEntry) -> str:
    schema = f"{entry.handler.event_type}.schema.json"
    said = [
        f"* **What follows**: {entry.follows}",
        *([f"* **Only**: {entry.condition}"] if entry.condition else []),
        *([f"* **Order**: {entry.order}"] if entry.order else []),
        f"* **Schema**: [{schema}](events/{schema})",
    ]
    return "\n".join(
        [
            f"## {entry.handler.event_type}",
            "",
            f"{capital(entry.occasion)} {entry.consequence}",
            "",
            *said,
            "",
            *_keys(entry.fields),
            "For example, this payload",
            "",
            *block(entry.example),
            *_results(entry),
        ]
    )


def _keys(fields: Sequence[PayloadKey]) -> Iterator[str]:
    return table("| payload key | type | default | |", map(_key, fields))


def _key(key: PayloadKey) -> Sequence[str]:
    needed = "needed" if key.required else ""
    return (f"`{key.name}`", key.type, default(key.default), needed)


def _results(entry: ReactionEntry) -> Iterator[str]:
    match entry.reacted.outcome:
        case Done(effects) if effects:
            yield "leads to"
            yield ""
            yield from (f"* {effect(each)}" for each in effects)
        case Done():
            yield "leads to nothing."
        case RetryAt() as later:
            yield f"is asked about again later: {later.reason}."
        case GaveUp() as never:
            yield f"is given up: {never.reason}."
    yield ""


def effect(each: Reaction) -> str:
    """Return one effect in words."""
    match each:
        case Task():
            words = f"the task `{each.task_type}` for `{each.agent_type}`{_priority(each)}"
        case TemplateMessage():
            words = f"the message `{each.template}`{_priority(each)}{', may wait' * each.can_delay}"
        case FollowUp():
            words = f"the event `{each.type}`"
        case InboxItem():
            score = f", score {each.score}" if each.score else ""
            words = f"the inbox item `{each.item_type}`: {each.status}{score}"
        case AuditEntry():
            words = f"a line of the log: `{each.action}`"
        case Credit():
            words = f"{each.amount} credits"
        case _:
            about = (type(each).__doc__ or "").partition(".")[0]
            words = about[:1].lower() + about[1:].replace("``", "`")
    return words


def _priority(each: Task | TemplateMessage) -> str:
    return f", priority {each.priority.name.lower()}"
