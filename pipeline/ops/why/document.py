"""An account as one JSON object. Its keys are stable."""

from dataclasses import asdict
from typing import Any
from uuid import UUID

from pipeline.ops.why import verdict, words
from pipeline.ops.why.account import Account, EndpointDelivery, PersonAccount, Received, SkipDetails


def document(account: Account) -> dict[str, Any]:
    """Return the JSON object. Times and UUIDs are left to the encoder."""
    event, ledger, letter = account.event, account.ledger, account.letter
    return {
        "event": {
            "id": event.id,
            "type": event.type,
            "created_at": event.created_at,
            "actor": _named(event.actor_id, event.actor_name),
            "project": _named(event.project_id, event.project_name),
            "thread": _named(event.thread_id, event.thread_topic),
        },
        "state": {
            "status": ledger.status if ledger else None,
            "reason": ledger.reason if ledger else None,
            "completed_at": ledger.completed_at if ledger else None,
            "seconds": ledger.took.total_seconds() if ledger and ledger.took is not None else None,
            "notifications": ledger.notifications if ledger else None,
            "emails": ledger.emails if ledger else None,
            "pipeline_version": ledger.pipeline_version if ledger else None,
            "paused_at": ledger.paused_at if ledger else None,
            "words": verdict.state(account),
        },
        "dead_letter": asdict(letter) if letter else None,
        "people": [_person(account, person) for person in account.people],
        "people_after": account.people_after,
        "endpoints": [_endpoint(each) for each in account.endpoints],
        "audience": account.audience,
        "next": verdict.advice(account),
    }


def _endpoint(delivery: EndpointDelivery) -> dict[str, Any]:
    return {
        "endpoint": delivery.endpoint,
        "id": delivery.id,
        "state": delivery.state,
        "next_attempt_at": delivery.next_attempt_at,
        "finished_at": delivery.finished_at,
        "words": words.outcome_at(delivery),
        "tries": delivery.tries,
    }


def _named(identifier: UUID | None, name: str | None) -> dict[str, Any] | None:
    return None if identifier is None else {"id": identifier, "name": name}


def _person(account: Account, person: PersonAccount) -> dict[str, Any]:
    return {
        "id": person.id,
        "name": person.name,
        "considered": person.considered,
        "received": [_received(item) for item in person.received],
        "skips": [_skip(item) for item in person.skips],
        "deliveries": [asdict(item) for item in person.deliveries],
        "words": None if person.considered else verdict.not_considered(account, person),
    }


def _received(item: Received) -> dict[str, Any]:
    return {
        "channel": item.channel,
        "what": item.what,
        "delivery": item.delivery,
        "status": item.status,
        "since": item.since,
    }


def _skip(item: SkipDetails) -> dict[str, Any]:
    preference = None
    if item.preference_id is not None:
        preference = {
            "id": item.preference_id,
            "deleted": item.scope_type is None,
            "changed": item.preference_changed,
            "scope": item.scope_type,
            "scope_name": item.scope_name,
            "event_type": item.preference_event_type,
            "channel": item.preference_channel,
            "status": item.preference_status,
            "since": item.preference_since,
        }
    return {
        "channel": item.channel,
        "reason": item.reason,
        "words": words.why_not(item),
        "preference": preference,
        "counted_in": item.counted_in,
    }
