"""What a table of an application needs to take the place of one in the schema ``reactions``.

The manual, ``migrate`` and ``doctor`` read this list. It is what our own tables have, without the
columns that no statement names.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

# The words for the priorities from 0 to 3, as fanout.priorities has them.
WORDS: Final = ("urgent", "high", "medium", "low")
_TIME: Final = "timestamp with time zone"
_NOW: Final = "NOT NULL DEFAULT now()"


@dataclass(frozen=True, slots=True)
class OwnColumn:
    """A column.

    Attributes:
        name: its name.
        type: its type in our table, as ``format_type`` writes it.
        rest: what follows the type where the column is added.
        values: what we write into it, where that is one of a few texts.
        begins: the default that it must have, since our statements leave it out.
        may_be_words: whether it may have WORDS instead of the numbers from 0 on.
        may_be_text: whether it may be a text, since nothing of ours reads its JSON.
    """

    name: str
    type: str
    rest: str = ""
    values: tuple[str, ...] = ()
    begins: str | None = None
    may_be_words: bool = False
    may_be_text: bool = False

    @property
    def definition(self) -> str:
        """The column as ALTER TABLE adds it."""
        return f"{self.name} {self.type.replace(_TIME, 'timestamptz')} {self.rest}".strip()


@dataclass(frozen=True, slots=True)
class OwnTable:
    """A table.

    Attributes:
        columns: those that statements name, in the order of the view.
        inserted: those that our statements fill. Another one must have a default, or may be NULL.
        keys: sets of columns that must be unique.
    """

    columns: Sequence[OwnColumn]
    inserted: frozenset[str] = frozenset()
    keys: Sequence[tuple[str, ...]] = (("id",),)


def _columns(of_type: str, *names: str) -> tuple[OwnColumn, ...]:
    return tuple(OwnColumn(name, of_type) for name in names)


def _said(name: str) -> OwnColumn:
    return OwnColumn(name, "jsonb", may_be_text=True)


def _status(*values: str, rest: str = "", begins: str | None = None) -> OwnColumn:
    rest = rest or (f"NOT NULL DEFAULT '{begins}'" if begins else "")
    return OwnColumn("status", "text", rest, values, begins)


def _inserted(*columns: OwnColumn) -> frozenset[str]:
    return frozenset(each.name for each in columns)


_ID: Final = _columns("uuid", "id")
_CAUSED: Final = _columns("uuid", "id", "event_id")
_PRIORITY: Final = OwnColumn(
    "priority", "smallint", "NOT NULL DEFAULT 2", ("0", "1", "2", "3"), may_be_words=True
)
_CREATED: Final = OwnColumn("created_at", _TIME, _NOW)
_COMPLETED: Final = (*_ID, _status("completed"), *_columns(_TIME, "completed_at"))

_EVENT: Final = (
    *_ID,
    *_columns("character varying(100)", "event_type"),
    *_columns("uuid", "aggregate_id"),
    *_columns("character varying(50)", "aggregate_type"),
    *_columns("jsonb", "payload", "metadata"),
    *_columns("character varying(100)", "created_by"),
)
_TASK: Final = (
    *_CAUSED,
    *_columns("text", "task_type", "agent_type"),
    *_columns("uuid", "user_id", "context_id"),
    *_columns("text", "context_type"),
    *_columns(_TIME, "scheduled_for"),
    _PRIORITY,
    _said("context_json"),
)
_MESSAGE: Final = (
    *_CAUSED,
    *_columns("uuid", "user_id"),
    *_columns("text", "template"),
    _said("context_json"),
    *_columns(_TIME, "scheduled_for"),
    _PRIORITY,
    OwnColumn("can_delay", "boolean", "NOT NULL DEFAULT false"),
    *_columns("uuid", "conversation_context_id"),
)
_ITEM: Final = (
    *_CAUSED,
    *_columns("uuid", "user_id"),
    *_columns("text", "item_type"),
    *_columns("uuid", "item_id"),
    _status("active", "actioned", "expired"),
    *_columns("integer", "score"),
    *_columns(_TIME, "expires_at"),
    _said("content"),
)
_REQUEST: Final = (
    *_CAUSED,
    *_columns("uuid", "requesting_user_id"),
    *_columns("text", "requesting_agent_type", "context_type"),
    *_columns("uuid", "context_id"),
    *_columns("text", "question", "category"),
    *_columns("text[]", "expertise_needed"),
    *_columns("text", "desired_outcome", "urgency"),
    *_columns("uuid[]", "target_user_ids"),
    _said("details"),
    *_columns(_TIME, "created_at", "expires_at"),
)
_RESPONSES: Final = OwnColumn("responses", "uuid[]", "NOT NULL DEFAULT '{}'")
_WORKFLOW: Final = (
    *_columns("uuid", "id", "user_id"),
    _status("awaiting_expert_responses", "final_evaluation", "completed"),
)
_OFFER: Final = (
    *_ID,
    *_columns("uuid", "offering_user_id", "introducee_user_id"),
    _status(
        *("offered", "accepted", "confirmed", "declined", "expired"),
        rest="NOT NULL DEFAULT 'offered'",
    ),
    *_columns(_TIME, "expires_at"),
)
_CREDIT: Final = (
    *_CAUSED,
    *_columns("uuid", "user_id"),
    *_columns("integer", "amount"),
    *_columns("text", "reason", "idempotency_key"),
)
_LINE: Final = (
    *_CAUSED,
    *_columns("text", "action", "agent_type"),
    *_columns("uuid", "user_id"),
    _said("data"),
)

OWN_TABLES: Final[Mapping[str, OwnTable]] = {
    "events": OwnTable(
        (
            *_EVENT,
            OwnColumn("processed", "boolean", "DEFAULT false"),
            OwnColumn("version", "integer", "DEFAULT 1"),
            OwnColumn("created_at", _TIME, "DEFAULT now()"),
            # migrate adds it.
            OwnColumn("sequence", "bigint"),
        ),
        _inserted(*_EVENT) | {"processed"},
    ),
    "users": OwnTable(
        (
            *_ID,
            OwnColumn("verified", "boolean", "NOT NULL DEFAULT false"),
            OwnColumn("expertise", "text[]", "NOT NULL DEFAULT '{}'"),
            *_columns(_TIME, "last_active_at"),
        )
    ),
    "conversations": OwnTable(
        (
            *_columns("uuid", "id", "user_id"),
            OwnColumn("status", "text", "NOT NULL DEFAULT 'active'"),
            *_columns(_TIME, "last_message_at"),
            *_columns("text", "last_intent"),
            *_columns("double precision", "intent_confidence"),
            *_columns("jsonb", "intent_context"),
            *_columns(_TIME, "intent_classified_at"),
        )
    ),
    "agent_tasks": OwnTable(
        (
            *_TASK,
            _status("pending", "processing", "completed", "failed", begins="pending"),
            _CREATED,
        ),
        _inserted(*_TASK),
    ),
    "message_queue": OwnTable(
        (
            *_MESSAGE,
            _status("queued", "processing", "sent", "failed", begins="queued"),
            _CREATED,
        ),
        _inserted(*_MESSAGE),
    ),
    "inbox_items": OwnTable(
        _ITEM, _inserted(*_ITEM), (("id",), ("user_id", "item_type", "item_id"))
    ),
    "community_requests": OwnTable(
        (
            *_REQUEST,
            _status("open", "closed", begins="open"),
            _RESPONSES,
            OwnColumn("answered_by", "uuid[]", "NOT NULL DEFAULT '{}'"),
            *_columns(_TIME, "closed_at"),
        ),
        _inserted(*_REQUEST),
    ),
    "solution_workflows": OwnTable(
        (*_WORKFLOW, *_columns(_TIME, "completed_at"), _RESPONSES), _inserted(*_WORKFLOW)
    ),
    "intro_offers": OwnTable(_OFFER, _inserted(*_OFFER)),
    "intro_opportunities": OwnTable(_COMPLETED),
    "credit_events": OwnTable(_CREDIT, _inserted(*_CREDIT), (("id",), ("idempotency_key",))),
    "agent_actions_log": OwnTable(_LINE, _inserted(*_LINE)),
}
