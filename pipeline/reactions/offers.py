"""The offer of an introduction: offered, accepted, confirmed; or declined; or out of time."""

from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from pipeline.domain.identifiers import EventType, UserId
from pipeline.reactions.effects import FollowUp, Move
from pipeline.reactions.events import MOST_DEPTH, ReactionEvent
from pipeline.reactions.outcome import Done, GaveUp, done
from pipeline.reactions.saga import OVER, Saga, Standing

OFFERED: Final = "offered"
ACCEPTED: Final = "accepted"
CONFIRMED: Final = "confirmed"
DECLINED: Final = "declined"
EXPIRED: Final = "expired"
_ENDED: Final = OVER | {CONFIRMED, DECLINED, EXPIRED}

# After it is accepted: when the other person is reminded, and when it is too late.
REMIND_AFTER: Final = timedelta(days=3)
WINDOW: Final = timedelta(days=7)
# An event that comes before the one that it builds on is looked at again after this, as long as a
# chain of events may be.
_AGAIN_AFTER: Final = timedelta(minutes=1)

AGGREGATE: Final = "intro_offer"


def is_undecided(standing: Standing) -> bool:
    """Return whether the introducee has not answered yet."""
    return standing.status not in _ENDED | {ACCEPTED}


def is_open(standing: Standing) -> bool:
    """Return whether the offer is not over yet."""
    return standing.status not in _ENDED


def moved(event: ReactionEvent[Any], offer_id: UUID, seen: Standing, status: str) -> Move:
    """Return the move of an offer to a status."""
    return Move(
        name="offer",
        saga=Saga.OFFER,
        id=offer_id,
        seen=seen,
        status=status,
        at=event.created_at,
    )


def time_over(
    offer_id: UUID, offering: UserId, introducee: UserId, *, status: str, at: datetime
) -> FollowUp:
    """Return the event, due at a time, that ends an offer which then still has this status."""
    return FollowUp(
        name="time_over",
        type=EventType("intro.offer_time_over"),
        aggregate_type=AGGREGATE,
        aggregate_id=offer_id,
        payload={
            "introOfferId": offer_id,
            "offeringUserId": offering,
            "introduceeUserId": introducee,
            "status": status,
        },
        at=at,
    )


def wait_for(event: ReactionEvent[Any], what: str) -> Done | GaveUp:
    """Look at the event again in a minute, since what it builds on may be late, or give up.

    Args:
        event: it may be a repetition itself.
        what: it waits for, in words.
    """
    if event.depth >= MOST_DEPTH:
        return GaveUp(reason=f"{what} did not come, and the event was looked at again every minute")
    return done(
        FollowUp(
            name="again",
            type=event.type,
            aggregate_type=event.aggregate_type,
            aggregate_id=event.aggregate_id,
            payload=event.payload.model_dump(mode="json", by_alias=True),
            at=event.created_at + _AGAIN_AFTER,
        )
    )
