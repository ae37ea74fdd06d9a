"""Sagas: what goes on over several events, with its state in one row, and time by due events.

A handler reads how the row stands, decides, and asks for a move. The move and all that follows from
the event are written only if the row still stands as it was read. Otherwise the handler is asked
again.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from uuid import UUID


class Saga(StrEnum):
    """The kinds of rows that have a state."""

    WORKFLOW = "workflow"
    INTRO = "intro"
    OFFER = "offer"
    REQUEST = "request"


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a row stands.

    Attributes:
        status: of the row.
        responses: the ids of the responses that it has counted.
    """

    status: str
    responses: tuple[UUID, ...] = ()


# A row with one of these statuses never moves again.
OVER: Final = frozenset({"completed", "cancelled", "failed"})
