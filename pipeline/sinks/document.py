"""Encode a batch of outcomes as the JSON document that ``write_outcomes.sql`` unpacks."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

from pipeline.domain.errors import NotStorable
from pipeline.domain.exact import ExactObject
from pipeline.fanout.effects import Channel, Email, Notification, ThreadActivity, channel_of
from pipeline.fanout.outcome import Outcome

# Postgres accepts up to 1 GB, but a much smaller document already costs memory at both ends.
MAX_DOCUMENT_BYTES: Final = 64 * 2**20


def as_document(outcomes: Sequence[Outcome]) -> str:
    """Encode a batch of outcomes.

    Raises:
        NotStorable: JSON cannot express a value of an effect, or the document is too large.
    """
    lists: dict[str, list[Any]] = {
        name: [] for name in ("events", "notifications", "counts", "emails", "skips")
    }
    people = {user_id for outcome in outcomes for user_id, _ in outcome.effects}
    projects = {
        effect.project_id
        for outcome in outcomes
        for _, effect in outcome.effects
        if isinstance(effect, Email) and effect.project_id is not None
    }
    lists |= {"people": sorted(people), "projects": sorted(projects)}
    for outcome in outcomes:
        event_id = outcome.event_id
        page = outcome.page
        channels = [channel_of(effect) for _, effect in outcome.effects]
        lists["events"].append(
            {
                "event_id": event_id,
                "event_type": outcome.event_type,
                "status": outcome.status,
                "reason": outcome.reason,
                "notifications": channels.count(Channel.IN_APP),
                "emails": channels.count(Channel.EMAIL),
                "skipped": len(outcome.skips),
                "told": None if page is None else [page.after, page.up_to],
                "last": page is None or page.last,
            }
        )
        for user_id, effect in outcome.effects:
            name, row = _row(effect)
            lists[name].append({"event_id": event_id, "user_id": user_id, **row})
        lists["skips"] += [
            {
                "event_id": event_id,
                "user_id": skip.user_id,
                "channel": skip.channel,
                "reason": skip.reason,
                "preference_id": skip.preference_id,
            }
            for skip in outcome.skips
        ]
    try:
        document = orjson.dumps(lists)
    except TypeError:
        raise NotStorable("an effect holds a value that JSON cannot express") from None
    if len(document) > MAX_DOCUMENT_BYTES:
        limit = MAX_DOCUMENT_BYTES // 2**20
        raise NotStorable(f"the rows of the event are larger than {limit} MB: shorten its effects")
    return document.decode()


def _row(effect: Notification | ThreadActivity | Email) -> tuple[str, dict[str, Any]]:
    match effect:
        case Notification():
            return "notifications", {
                "kind": effect.kind,
                "title": effect.title,
                "body": effect.body,
                "link_url": effect.link,
                "payload": _exactly(effect.payload),
            }
        case ThreadActivity():
            return "counts", {
                "thread_id": effect.thread_id,
                "thread_name": effect.thread_name,
                "label": effect.label,
                "project_name": effect.project_name,
                "link_url": effect.link,
            }
        case Email():
            return "emails", {
                "delivery_type": effect.delivery,
                "project_id": effect.project_id,
                "project_name": effect.project_name,
                "subject": effect.subject,
                "body_data": effect.data,
            }


def _exactly(payload: Mapping[str, Any]) -> Mapping[str, Any]:
    return {
        key: orjson.Fragment(value.text) if isinstance(value, ExactObject) else value
        for key, value in payload.items()
    }
