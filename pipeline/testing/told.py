"""Who was told what: an outcome, asked person by person."""

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
    """What became of one event; ``outcome`` has everything, the methods what tests ask for."""

    outcome: Outcome

    @property
    def reached(self) -> set[UserId]:
        """Everyone who got anything."""
        return {user_id for user_id, _ in self.outcome.effects}

    def effects(self, person: Person) -> Sequence[Effect]:
        """All that someone got."""
        return [effect for user_id, effect in self.outcome.effects if user_id == person.id]

    def notification(self, person: Person) -> Notification:
        """The one notification that someone got."""
        return self._only(Notification, person)

    def count(self, person: Person) -> ThreadActivity:
        """The one message that was counted for someone."""
        return self._only(ThreadActivity, person)

    def email(self, person: Person) -> Email:
        """The one e-mail that someone got."""
        return self._only(Email, person)

    def skips(self, person: Person) -> dict[Channel, Reason]:
        """The channels on which someone got nothing, and why."""
        return {
            skip.channel: skip.reason for skip in self.outcome.skips if skip.user_id == person.id
        }

    def skip_reason(self, person: Person) -> Reason:
        """The one reason for which someone got nothing at all.

        Raises:
            AssertionError: they got something, were not considered, or there are several reasons.
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
