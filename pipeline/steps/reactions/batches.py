"""The batches that the steps of reactions hand on, and what makes one of another."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pipeline.domain.identifiers import EventType
from pipeline.domain.lease import Lease, Settlement
from pipeline.steps.reactions.react import AskedReaction, ask_handlers, decode_reactions
from pipeline.steps.reactions.reactor import Reactor

# The names of the steps in dead letters.
DECODE: Final = "decode"
REACT: Final = "react"
WRITE: Final = "write"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimedReactions:
    """Events that this worker holds leases on, the first ones first."""

    leases: Sequence[Lease]


@dataclass(frozen=True, slots=True, kw_only=True)
class DecodedReactions:
    """Leased events that could be decoded, each with its handler."""

    events: Sequence[AskedReaction]


@dataclass(frozen=True, slots=True, kw_only=True)
class TriedReactions:
    """How tries ended.

    Attributes:
        settlements: for the ledger, with what follows from the events.
        stage: the step in which they ended, for dead letters.
    """

    settlements: Sequence[Settlement]
    stage: str


def decode_claimed(
    reactor: Reactor, claimed: ClaimedReactions
) -> tuple[DecodedReactions, TriedReactions]:
    """Read and decode the events of a batch. Return them, and how the others end.

    Raises:
        TransientError: the events could not be read.
        ConfigurationError: they cannot be read until a person fixes it.
    """
    asked, settlements = decode_reactions(reactor, claimed.leases)
    return DecodedReactions(events=asked), TriedReactions(settlements=settlements, stage=DECODE)


def by_handler(decoded: DecodedReactions) -> Mapping[EventType, DecodedReactions]:
    """Split a batch by the event type of the handlers. The order of the events stays."""
    split: defaultdict[EventType, list[AskedReaction]] = defaultdict(list)
    for each in decoded.events:
        split[each.handler.event_type].append(each)
    return {name: DecodedReactions(events=events) for name, events in split.items()}


def react_to(reactor: Reactor, decoded: DecodedReactions) -> TriedReactions:
    """Ask the handlers of a batch.

    Raises:
        TransientError: what they want to know could not be read.
        ConfigurationError: it cannot be read until a person fixes it.
    """
    return TriedReactions(settlements=ask_handlers(reactor, decoded.events), stage=REACT)
