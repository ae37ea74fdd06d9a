"""The account of an event of reactions, and the plan of a replay, as one JSON object each."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from pipeline.ops.reactions import words
from pipeline.ops.reactions.account import Consequence, ReactionAccount
from pipeline.ops.reactions.selection import AGAIN, ReactionPlan
from pipeline.ops.why.words import outcome_of


def reaction_document(account: ReactionAccount) -> dict[str, Any]:
    """Return the JSON object. Times and UUIDs are left to the encoder."""
    event = account.event
    return {
        "event": {
            "id": event.id,
            "type": event.type,
            "created_at": event.created_at,
            "created_by": event.created_by,
            "aggregate_type": event.aggregate_type,
            "aggregate_id": event.aggregate_id,
            "processed": event.is_processed,
            "deleted": event.is_deleted,
        },
        "state": {
            "status": event.state,
            "reason": event.reason,
            "error_class": event.error_class,
            "found_at": event.found_at,
            "finished_at": event.finished_at,
            "next_attempt_at": event.next_attempt_at
            if event.state in ("pending", "waiting")
            else None,
            "attempts": event.attempts,
            "failures": event.failures,
            "handler": account.has_handler,
            "route": event.route,
            "words": words.state(account),
        },
        "cause": None if event.cause is None else {"id": event.cause, "type": event.cause_type},
        "waits_for": event.waits_for,
        "held_by": None
        if event.switch_state is None
        else {
            "state": event.switch_state,
            "reason": event.switch_reason,
            "who": event.switch_who,
            "until": event.switch_until,
        },
        "replayed": None
        if event.replayed_at is None
        else {"at": event.replayed_at, "who": event.replayed_by, "note": event.replay_note},
        "tries": [asdict(each) for each in account.tries],
        "dead_letter": asdict(account.letter) if account.letter else None,
        "came_of_it": [_consequence(each) for each in account.came_of_it],
        "deliveries": [{**asdict(each), "words": outcome_of(each)} for each in account.deliveries],
        "next": words.advice(account),
    }


def reaction_plan_document(plan: ReactionPlan) -> Mapping[str, Any]:
    """Return the plan of a replay. Its keys are stable."""
    return {
        "family": "reactions",
        "types": {
            event_type: {
                "complete": plan.complete[event_type],
                "states": {state: plan.types[event_type][state] for state in AGAIN}
                if event_type in plan.types
                else dict.fromkeys(AGAIN, 0),
                "busy": plan.busy[event_type],
                "no_handler": plan.no_handler[event_type],
            }
            for event_type in plan.all_types
        },
        "causes": dict(plan.causes),
    }


def _consequence(each: Consequence) -> dict[str, Any]:
    return {
        "kind": words.kind(each),
        "id": each.id,
        "what": each.what,
        "user_id": each.user_id,
        "state": each.state,
        "at": each.at,
        "words": words.outcome(each),
    }
