"""What is known before an event, and then the event: facts and a payload in, ``Told`` out."""

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
        audience: to whom the handler's audience resolves, where it does not name one person.
        facts: all that handlers may know but the audience.
        excluded: those of the audience whom the resolution of it excludes, and why.
        columns: what the event's row names unless ``when`` says otherwise.
        policy: what holds for every type.
    """

    audience: Sequence[Person]
    facts: Facts
    excluded: Mapping[UserId, Reason] = field(default_factory=dict)
    columns: Mapping[str, UUID | None] = field(default_factory=dict)
    policy: Policy = field(default_factory=Policy)

    def knowing(self, **facts: Any) -> "Given":  # noqa: ANN401 - each fact has its own type
        """The same with more facts: keywords are fields of ``Facts``."""
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
            handler: of the event's type.
            payload: as a producer sends it; what JSON cannot say, such as a UUID, as its text.
            actor: who caused the event.
            age: how long ago.
            **columns: other columns of ``domain_events``, over those of the given world.

        Raises:
            InvalidRow: a producer must not send this.
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
        # An audience with a user_id is that one person, whatever else it asks of them.
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
    """The world of a test; it states only what matters to it.

    Args:
        *audience: to whom the event's audience resolves; a person whom the event itself names
            must be among them too, or has no profile.
        project: where the event happens.
        thread: where the event happens.
        preferences: rows made by ``prefers``.
        excluded: those of the audience whom the resolution of it excludes, and why; such as who
            may not view what the event is about.
        without_profile: those of the audience whose profile is gone.
        system_users: those who are programs.
        **columns: other columns of ``domain_events``, such as ``resource_id``.
    """
    gone = {person.id for person in without_profile}
    programs = frozenset(person.id for person in system_users)
    rows: dict[UserId, list[PreferenceRow]] = defaultdict(list)
    for person, row in preferences:
        rows[person.id].append(row)
    return Given(
        audience=audience,
        facts=Facts(
            people={person.id: person for person in audience if person.id not in gone},
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
