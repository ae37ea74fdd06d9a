"""Lists the routes of events of reactions, adds one and removes one."""

import difflib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import uuid4

import orjson

from pipeline.clients.postgres.check import check_first
from pipeline.clients.postgres.sql import load
from pipeline.domain.errors import Conflict, NotFound, UsageError
from pipeline.fanout.handlers import HANDLERS
from pipeline.ops.called import call
from pipeline.ops.families import Family
from pipeline.ops.webhooks.read import find_endpoint
from pipeline.reactions.route import Route, RouteTo
from pipeline.settings import DatabaseSettings

MAX_TYPE_CHARACTERS: Final = 100
MAX_CONDITION_BYTES: Final = 10_000
# The largest integer of Postgres.
MAX_POSITION: Final = 2**31 - 1
_CLOSE_NAMES: Final = 3
_QUOTED: Final = 80
_LISTED: Final = "docs/reaction-events.md lists them"

_ROUTES: Final = load(__package__, "routes")
_ADD: Final = load(__package__, "add_route")
_REMOVE: Final = load(__package__, "remove_route")


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteListed:
    """A route.

    Attributes:
        event_type: of the events that it is for.
        condition: what their payloads must contain; empty: nothing.
        to_kind: ``handler``, ``nobody`` or ``webhook``.
        target: the event type of the handler, or the name of the endpoint.
        position: the first route of a type that fits decides; the lowest position is first.
        created_by: the login that added it.
        reason: why, in that person's words.
    """

    id: int
    event_type: str
    condition: dict[str, Any] = field(repr=False)
    to_kind: str
    target: str | None
    position: int
    created_at: datetime
    created_by: str
    reason: str | None

    @property
    def where(self) -> str:
        """Where it leads, in words."""
        route = Route(id=self.id, to=RouteTo(self.to_kind), target=self.target)
        return str(route).partition(": ")[2]


def list_routes(settings: DatabaseSettings, event_type: str | None = None) -> list[RouteListed]:
    """Return the routes of a type, or all, in the order in which they are tried.

    Raises:
        ConfigurationError: the database has no reactions, or the login is not an operator's.
    """
    return _run(settings, _ROUTES, {"event_type": event_type})


def add_route(
    settings: DatabaseSettings,
    event_type: str,
    to: str,
    known: Collection[str],
    *,
    condition: str | None = None,
    position: int | None = None,
    reason: str | None = None,
) -> RouteListed:
    """Add a route. Pipelines obey at once; what is processed already stays as it is.

    Args:
        settings: the database, with the login of an operator.
        event_type: of the events that it is for.
        to: ``nobody``, ``handler:TYPE`` or ``webhook:NAME``.
        known: the types that have a handler.
        condition: a JSON object that the payload must contain; None: any payload.
        position: among the routes of the type; None: the last one.
        reason: why, for the record.

    Raises:
        UsageError: an argument is invalid.
        NotFound: there is no such handler, or no such endpoint.
        Conflict: another route of the type has this position.
        ConfigurationError: the database has no reactions, no webhooks, or the login is not an
            operator's.
    """
    if not 0 < len(event_type) <= MAX_TYPE_CHARACTERS or not event_type.isprintable():
        raise UsageError(
            f"invalid event type {event_type[:_QUOTED]!r}: expected 1 to {MAX_TYPE_CHARACTERS}"
            " characters on one line, such as order.shipped"
        )
    if event_type in HANDLERS and event_type not in known:
        raise UsageError(
            f"invalid event type {event_type!r}: expected one of reactions; this one is of"
            f" domain_events, and python -m pipeline pause {event_type} holds it back"
        )
    if position is not None and not 0 < position <= MAX_POSITION:
        raise UsageError(f"invalid position {position}: expected 1 to {MAX_POSITION}")
    kind, target = _target(to, known)
    endpoint = find_endpoint(settings, target) if kind is RouteTo.WEBHOOK and target else None
    parameters = {
        "event_type": event_type,
        "condition": _condition(condition),
        "to_kind": kind,
        "target": target,
        "endpoint_id": endpoint and endpoint.id,
        "position": position,
        "reason": reason,
        "audit": uuid4(),
    }
    for added in _run(settings, _ADD, parameters):
        return added
    raise Conflict(
        f"another route of {event_type} has this position:"
        f" python -m pipeline routes list --type {event_type} shows them"
    )


def remove_route(settings: DatabaseSettings, id_: int, *, reason: str | None = None) -> RouteListed:
    """Remove a route; return what it was.

    Raises:
        NotFound: there is no such route.
        ConfigurationError: the database has no reactions, or the login is not an operator's.
    """
    for removed in _run(settings, _REMOVE, {"id": id_, "reason": reason, "audit": uuid4()}):
        return removed
    raise NotFound(f"no route {id_}: python -m pipeline routes list shows them")


def _target(to: str, known: Collection[str]) -> tuple[RouteTo, str | None]:
    kind, _, target = to.partition(":")
    if to == RouteTo.NOBODY:
        return RouteTo.NOBODY, None
    if not target or kind not in (RouteTo.HANDLER, RouteTo.WEBHOOK):
        raise UsageError(
            f"invalid target {to[:_QUOTED]!r}: expected nobody, handler:TYPE or webhook:NAME"
        )
    if kind == RouteTo.HANDLER and target not in known:
        close = difflib.get_close_matches(target, known, _CLOSE_NAMES)
        hint = f"did you mean {' or '.join(close)}?" if close else _LISTED
        raise NotFound(f"no handler of {target[:_QUOTED]!r}: {hint}")
    return RouteTo(kind), target


def _condition(text: str | None) -> str:
    """Return the condition as JSON. An error never quotes it: it may hold a value of a person."""
    if text is None:
        return "{}"
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        value = None
    if isinstance(value, dict) and "\\u0000" in text:
        raise UsageError("invalid condition: expected no NUL, which is written as \\u0000")
    if not isinstance(value, dict):
        raise UsageError("""invalid condition: expected a JSON object, such as {"plan": "pro"}""")
    if len(text.encode()) > MAX_CONDITION_BYTES:
        raise UsageError(f"invalid condition: expected at most {MAX_CONDITION_BYTES} bytes")
    return text


def _run(
    settings: DatabaseSettings, statement: bytes, parameters: Mapping[str, Any]
) -> list[RouteListed]:
    check_first(settings)
    rows = call(settings, statement, parameters, of="routes", family=Family.REACTIONS)
    return [RouteListed(**row._asdict()) for row in rows]
