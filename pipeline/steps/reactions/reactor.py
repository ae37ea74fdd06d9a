"""Who processes events of reactions: what every step of this family needs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from pipeline.clients.postgres.check import check_family
from pipeline.domain.backoff import Backoff, RetryRule
from pipeline.domain.errors import ConfigurationError
from pipeline.domain.identifiers import EventType
from pipeline.domain.lease import Lease
from pipeline.reactions.handler import ReactionHandler
from pipeline.reactions.handlers import REACTION_HANDLERS
from pipeline.reactions.handlers.registry import types_in_order, types_one_at_a_time
from pipeline.settings import DatabaseSettings

# Longer than a batch takes. What a killed worker had waits as long. A batch that takes longer
# keeps its leases: see ``keeper_of``.
REACTION_LEASE: Final = timedelta(seconds=30)
MOST_TRIES: Final = 5
# The tries of an event: at once, and after 10, 30, 70 and 150 seconds.
REACTION_BACKOFF: Final = Backoff(first=10, longest=3600)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reactor:
    """How events are processed.

    Attributes:
        database: with the events, the ledger, and the tables of what follows.
        handlers: of the types that are processed.
        tries: how often an event is tried. The last failure is final.
        closes_unrouted: whether an event without a handler is closed: it gets ``processed``, as
            in the system that this family replaces. Otherwise it stays open.
        lease: for how long events are leased.
    """

    database: DatabaseSettings
    handlers: Mapping[EventType, ReactionHandler[Any]] = field(
        default_factory=lambda: REACTION_HANDLERS, hash=False
    )
    tries: int = MOST_TRIES
    closes_unrouted: bool = False
    lease: timedelta = REACTION_LEASE

    def __post_init__(self) -> None:
        if self.tries < 1:
            raise ConfigurationError(f"invalid number of tries {self.tries}: expected 1 or more")

    @property
    def in_order(self) -> list[EventType]:
        """The types whose events are processed in the order of their aggregate."""
        return types_in_order(self.handlers)

    @property
    def one_at_a_time(self) -> Mapping[EventType, str]:
        """The key of the payload by which the events of a type are processed one at a time."""
        return types_one_at_a_time(self.handlers)

    def keeps_order(self, lease: Lease) -> bool:
        """Whether other events may wait for this one."""
        handler = self.handlers.get(lease.values["event_type"])
        return handler is not None and (handler.in_order or handler.one_at_a_time is not None)

    @property
    def retries(self) -> RetryRule:
        """How often an event that failed is tried again, and when."""
        return RetryRule(backoff=REACTION_BACKOFF, retries=self.tries - 1)


def check_reactions(settings: DatabaseSettings) -> None:
    """Return if the database can be reached, and has the tables of reactions.

    Raises:
        ConfigurationError: it lacks them, or cannot be used at all.
        TransientError: it does not answer.
    """
    check_family(settings, "reactions", "fanout.reaction_backlog")
