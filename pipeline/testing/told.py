"""Shows the outcome of an event for each person."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from pipeline.domain.identifiers import UserId
from pipeline.fanout.effects import Channel, Effect, Email, Notification, ThreadActivity
from pipeline.fanout.facts import Person
from pipeline.fanout.outcome import Outcome
from pipeline.fanout.reasons import Reason

EffectT = TypeVar("EffectT", Notification, ThreadActivity, Email)


@dataclass(frozen=True, slots=True)
class Told:
    """The result of one event. ``outcome`` has everything; the methods answer for one person."""

    outcome: Outcome

    @property
    def reached(self) -> set[UserId]:
        """Everyone who got anything."""
        return {user_id for user_id, _ in self.outcome.effects}

    def effects(self, person: Person) -> Sequence[Effect]:
        """Return everything that a person got."""
        return [effect for user_id, effect in self.outcome.effects if user_id == person.id]

    def notification(self, person: Person) -> Notification:
        """Return the one notification that a person got."""
        return self._only(Notification, person)

    def count(self, person: Person) -> ThreadActivity:
        """Return the one message that was counted for a person."""
        return self._only(ThreadActivity, person)

    def email(self, person: Person) -> Email:
        """Return the one e-mail that a person got."""
        return self._only(Email, person)

    def skips(self, person: Person) -> dict[Channel, Reason]:
        """Return the channels on which a person got nothing, each with the reason."""
        return {
            skip.channel: skip.reason for skip in self.outcome.skips if skip.user_id == person.id
        }

    def skip_reason(self, person: Person) -> Reason:
        """Return the one reason for which a person got nothing at all.

        Raises:
            AssertionError: the person got something, was no candidate, or has several reasons.
        """
        reasons = set(self.skips(person).values())
        if self.effects(person) or len(reasons) != 1:
            raise AssertionError(f"no single skip of {person.name}: {self._all_of(person)}")
        return reasons.pop()

    def _only(self, kind: type[EffectT], person: Person) -> EffectT:
        found = [effect for effect in self.effects(person) if isinstance(effect, kind)]
        if len(found) != 1:
            raise AssertionError(
                f"{len(found)} effects of the kind {kind.__name__} for {person.name}:"
                f" {self._all_of(person)}"
            )
        return found[0]

    def _all_of(self, person: Person) -> str:
        reason = self.outcome.reason or "no reason"
        parts = [*map(repr, self.effects(person)), repr(self.skips(person))]
        return f"{', '.join(parts)}; the event is {self.outcome.status} ({reason})"
