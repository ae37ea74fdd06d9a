"""The plan of a replay and its result as JSON objects. Their keys are stable."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from pipeline.fanout.outcome import FINAL, Status
from pipeline.ops.replay.follow import Ends
from pipeline.ops.replay.plan import Plan


def plan_document(plan: Plan) -> Mapping[str, Any]:
    """Return the plan."""
    return {
        "types": {
            event_type: {
                "complete": each.complete,
                "states": {status.value: each.states[status] for status in FINAL},
                "create": {channel.value: rows for channel, rows in each.create.items()},
                "present": {channel.value: rows for channel, rows in each.present.items()},
            }
            for event_type, each in sorted(plan.types.items())
        },
        "causes": dict(plan.causes),
        "nameless": plan.nameless,
    }


def ends_document(ends: Ends) -> Mapping[str, Any]:
    """Return the final states of the published events."""
    return {
        **{status.value: ends.states[status] for status in (*FINAL, Status.PAUSED)},
        "unfinished": ends.unfinished,
        "causes": [
            {**asdict(cause), "events": number} for cause, number in ends.causes.most_common()
        ],
    }
