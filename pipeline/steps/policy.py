"""Makes the rules for all event types from the options."""

from pipeline.domain.identifiers import AI_USER, UserId
from pipeline.fanout.decide import Policy
from pipeline.options.graph import MAX_EVENT_AGE_HOURS, SYSTEM_USERS
from pipeline.options.parameter import ParameterValues


def policy_of(given: ParameterValues) -> Policy:
    """Make the rules for all event types from the options."""
    return Policy(
        system_users=frozenset({AI_USER, *programs_of(given)}),
        max_event_age=given[MAX_EVENT_AGE_HOURS],
    )


def programs_of(given: ParameterValues) -> frozenset[UserId]:
    """Return the profiles that are programs, from the options."""
    programs = given[SYSTEM_USERS]
    return frozenset(map(UserId, programs))
