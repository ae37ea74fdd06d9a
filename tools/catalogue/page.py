"""Turns entries into the Markdown page."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from pipeline.fanout.effects import Channel, Delivery, Effect, Email, Notification, ThreadActivity
from pipeline.fanout.preferences import Scope
from pipeline.ops.catalogue.entry import CatalogueEntry, Need, PayloadField, UsedColumn
from pipeline.testing.rehearsal import NEIGHBOUR, READER
from tools.catalogue.markdown import block, capital, default, table

_HEAD: Final = """\
# Events

The event types that `domain_events` accepts, and their results. This page and the JSON Schemas
beside it are generated from the handlers: change the handlers, then run `make catalogue`. The
types of `reactions.events` are in [another page](reaction-events.md).

For every type:

* A payload key that is absent, null or an empty text takes its default. Keys that are not listed
  are ignored. Ids are UUIDs, as text.
* If a *needed* value is missing, nobody is notified, and the ledger states the reason. A value of
  the wrong type makes the event a dead letter, unless the event can do without the value.
* A person is skipped who may not view the event's subject, has no profile, is a program, or muted
  the event. Each skip is recorded with its reason. A preference for a thread overrides one for its
  project, which overrides one for everywhere.
* An event that is 24 hours old when the pipeline reads it is recorded as expired. Nobody is told.

In the examples, Maya Lindqvist acts in the project Harbor Point. Priya Raman and Leo Marchetti are
possible recipients. If the event names one of them, only that person is.
"""
_CHANNELS: Final = {Channel.IN_APP: "in the app", Channel.EMAIL: "by e-mail"}
_DELIVERIES: Final = {Delivery.IMMEDIATE: "at once", Delivery.AGGREGATED: "with the next digest"}
_SCOPES: Final = {
    Scope.GLOBAL: "everywhere",
    Scope.PROJECT: "for a project or everywhere",
    Scope.THREAD: "for a thread, for its project or everywhere",
}


def page(entries: Sequence[CatalogueEntry]) -> str:
    """Return the whole page."""
    return "\n".join([_HEAD, *_contents(entries), *(_section(entry) for entry in entries)])


def _contents(entries: Iterable[CatalogueEntry]) -> Iterator[str]:
    head = "| event type | what happened | who is notified | how |"
    return table(head, map(_in_contents, entries))


def _in_contents(entry: CatalogueEntry) -> Sequence[str]:
    name = entry.handler.event_type
    link = f"[`{name}`](#{name})"
    return (link, capital(entry.occasion), entry.recipients, _channels(entry))


def _section(entry: CatalogueEntry) -> str:
    handler = entry.handler
    actor = " The actor is skipped." if entry.spares_actor else ""
    scope = _SCOPES[handler.preference.scope]
    schema = f"{handler.event_type}.schema.json"
    return "\n".join(
        [
            f"## {handler.event_type}",
            "",
            f"{capital(entry.occasion)} {entry.consequence}",
            "",
            f"* **Recipients**: {entry.recipients}{actor}",
            f"* **Channels**: {_channels(entry)}",
            f"* **Muted as**: `{handler.preference.name}`, {scope}",
            f"* **Columns**: {', '.join(map(_column, entry.columns)) or 'none'}",
            f"* **Schema**: [{schema}](events/{schema})",
            "",
            *_keys(entry.fields),
            "For example, this payload",
            "",
            *block(entry.example),
            *_consequences(entry),
        ]
    )


def _keys(fields: Sequence[PayloadField]) -> Iterator[str]:
    if fields:
        yield from table("| payload key | type | default | |", map(_key, fields))
    else:
        yield "No key of the payload changes the results."
        yield ""


def _key(field: PayloadField) -> Sequence[str]:
    return (f"`{field.key.name}`", field.key.type, default(field.key.default), _remark(field))


def _consequences(entry: CatalogueEntry) -> Iterator[str]:
    readers = [(person, entry.told.effects(person)) for person in (READER, NEIGHBOUR)]
    told = [(person.name, effects) for person, effects in readers if effects]
    if len(told) > 1 and told[0][1] == told[1][1]:
        told = [("each of them", told[0][1])]
    for number, (who, effects) in enumerate(told):
        yield f"{'and' if number else 'leads'}, for {who}, to"
        yield ""
        for effect in effects:
            yield from (f"> {line}".rstrip() for line in _effect(effect))
            yield ""


def _effect(effect: Effect) -> list[str]:
    match effect:
        case Notification():
            return [
                f"in the app: **{effect.title}**",
                "",
                *"\\\n".join(effect.body.splitlines()).split("\n"),
                "",
                _link(effect.link),
            ]
        case ThreadActivity():
            counted = f"one more message in the thread's open notification, for **{effect.label}**"
            return [f"in the app: {counted} in {effect.project_name}", "", _link(effect.link)]
        case Email():
            return [f"by e-mail, {_DELIVERIES[effect.delivery]}: **{effect.subject}**"]


def _link(link: str) -> str:
    return f"to `{link}`"


def _column(column: UsedColumn) -> str:
    remark = {
        Need.ALONE: " (needed)",
        Need.EITHER: " (needed, unless the payload has it)",
        Need.NONE: "",
    }[column.need]
    return f"`{column.name}`{remark}"


def _channels(entry: CatalogueEntry) -> str:
    return " and ".join(_CHANNELS[channel] for channel in entry.handler.channels)


def _remark(field: PayloadField) -> str:
    need = {
        Need.ALONE: ["needed"],
        Need.EITHER: ["needed, here or in the column"],
        Need.NONE: [],
    }[field.need]
    return "; ".join(need + ["null has its own meaning"] * field.key.null_matters)
