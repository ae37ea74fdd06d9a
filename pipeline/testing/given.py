"""Decides one event in a given world: facts and a payload in, ``Told`` out."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from pipeline.domain.identifiers import EventId, UserId
from pipeline.fanout.ask import ask
from pipeline.fanout.audience import Audience, Nobody
from pipeline.fanout.decide import Policy, decide, expire
from pipeline.fanout.events import Event
from pipeline.fanout.facts import Candidate, Facts, Person, Project, Thread
from pipeline.fanout.handler import Handler
from pipeline.fanout.preferences import PreferenceRow
from pipeline.fanout.reasons import Reason
from pipeline.fanout.row import decode, row_of
from pipeline.testing.told import Told

NOW: Final = datetime(2026, 3, 2, 12, tzinfo=UTC)
COLUMNS: Final = ("actor_id", "project_id", "resource_id", "thread_id", "meeting_id")
_EVENT: Final = EventId(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """The world at the time of one event.

    Attributes:
        audience: the people of the handler's audience, unless it names one person.
        facts: the facts for handlers, except the audience.
        excluded: people of the audience who are excluded, each with the reason.
        columns: the columns of the event's row, unless ``when`` overrides them.
        policy: the rules for every event type.
    """

    audience: Sequence[Person]
    facts: Facts
    excluded: Mapping[UserId, Reason] = field(default_factory=dict)
    columns: Mapping[str, UUID | None] = field(default_factory=dict)
    policy: Policy = field(default_factory=Policy)

    def knowing(self, **facts: Any) -> "Given":  # noqa: ANN401 - each fact has its own type
        """Return a copy with more facts. The keywords are fields of ``Facts``."""
        return replace(self, facts=replace(self.facts, **facts))

    def when(
        self,
        handler: Handler[Any],
        payload: Mapping[str, Any] | None = None,
        *,
        actor: Person | None = None,
        age: timedelta = timedelta(0),
        **columns: UUID | None,
    ) -> Told:
        """Decide one event.

        Args:
            handler: the handler of the event type.
            payload: as a producer sends it. A value that is not JSON, such as a UUID, is sent as
                its text.
            actor: the person who caused the event.
            age: how long ago the event was created.
            **columns: columns of ``domain_events`` that override those of the given world.

        Raises:
            InvalidRow: the payload or a column is invalid.
            HandlerFailed: the handler raised, or broke its contract.
        """
        row = {**self.columns, "actor_id": actor.id if actor else None, **columns}
        if unknown := row.keys() - set(COLUMNS):
            raise TypeError(f"domain_events has no column {', '.join(sorted(unknown))}")
        inserted = row_of(_EVENT, handler.payload, handler.event_type, payload, NOW - age, **row)
        event = decode(inserted, {handler.event_type: handler.payload})
        if not isinstance(event, Event):
            raise TypeError(f"{handler.event_type} was not decoded")
        if expired := expire(event, self.policy, NOW):
            return Told(expired)
        asked = ask(handler, event)
        acting = {actor.id: actor} if actor else {}
        facts = replace(
            self.facts,
            people={**acting, **self.facts.people},
            candidates={_EVENT: self._candidates(asked.audience)},
        )
        return Told(decide(handler, asked, facts, self.policy))

    def _candidates(self, audience: Audience) -> list[Candidate]:
        if isinstance(audience, Nobody):
            return []
        # An audience with a user_id is that one person, even if it has other conditions.
        named: UserId | None = getattr(audience, "user_id", None)
        found = [named] if named else [person.id for person in self.audience]
        return [Candidate(user_id, self.excluded.get(user_id)) for user_id in found]


def given(
    *audience: Person,
    project: Project | None = None,
    thread: Thread | None = None,
    preferences: Iterable[tuple[Person, PreferenceRow]] = (),
    excluded: Mapping[Person, Reason] | None = None,
    without_profile: Iterable[Person] = (),
    system_users: Iterable[Person] = (),
    **columns: UUID | None,
) -> Given:
    """Make the world of a test. Pass only what matters to the test.

    Args:
        *audience: the people of the event's audience. A person named by the event must be among
            them, otherwise they have no profile.
        project: the project of the event.
        thread: the thread of the event.
        preferences: rows made by ``prefers``.
        excluded: people of the audience who are excluded, each with the reason. For example people
            who may not view the document of the event.
        without_profile: people of the audience whose profile was deleted.
        system_users: people who are programs.
        **columns: other columns of ``domain_events``, such as ``resource_id``.
    """
    without = {person.id for person in without_profile}
    programs = frozenset(person.id for person in system_users)
    rows: dict[UserId, list[PreferenceRow]] = defaultdict(list)
    for person, row in preferences:
        rows[person.id].append(row)
    return Given(
        audience=audience,
        facts=Facts(
            people={person.id: person for person in audience if person.id not in without},
            projects={project.id: project} if project else {},
            threads={thread.id: thread} if thread else {},
            preferences=rows,
        ),
        excluded={person.id: reason for person, reason in (excluded or {}).items()},
        columns={
            "project_id": project.id if project else None,
            "thread_id": thread.id if thread else None,
            **columns,
        },
        policy=Policy(system_users=programs or Policy().system_users),
    )
