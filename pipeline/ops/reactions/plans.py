"""Plans of replays of reactions that are kept until they are applied."""

from uuid import UUID

import orjson

from pipeline.ops.reactions.document import reaction_plan_document
from pipeline.ops.reactions.replay import recorded
from pipeline.ops.reactions.selection import plan_reactions
from pipeline.ops.replay.limits import PlanLimits
from pipeline.ops.replay.plans import keep_plan
from pipeline.ops.replay.selector import Selector
from pipeline.settings import DatabaseSettings


def plan_reaction_replay(
    database: DatabaseSettings, selector: Selector, *, planned_by: str, limits: PlanLimits
) -> UUID:
    """Make a plan for events of reactions and keep it; return its id. Nothing is tried again.

    Args:
        database: with the login of an operator.
        selector: which events.
        planned_by: who asks.
        limits: how large the plan may be, and how long it may take.

    Raises:
        NotFound: a named event or fingerprint does not exist.
        UsageError: a condition is of no use for this family, or the plan exceeds a limit.
        ConfigurationError: the database has no reactions.
        TransientError: the database does not answer.
    """
    plan = plan_reactions(database, selector, limits=limits)
    return keep_plan(
        database,
        {
            "planned_by": planned_by,
            "selector": orjson.dumps(recorded(selector)).decode(),
            "ignore_age": False,
            "event_ids": None,
            "reaction_ids": plan.ids,
            "plan": orjson.dumps(reaction_plan_document(plan)).decode(),
        },
    )
