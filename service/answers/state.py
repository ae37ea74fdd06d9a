"""Models of ``/v1/status``, ``/v1/doctor`` and ``/v1/catalogue``."""

from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

STATUS: Final[dict[str, Any]] = {
    "database": "app",
    "taken_at": "2026-03-02T12:00:00+00:00",
    "has_events": True,
    "queues": {"events": {"waiting": 2, "oldest_seconds": 0.4}},
    "pipeline": {
        "waiting": 2,
        "oldest_seconds": 0.4,
        "passed_over": 0,
        "done_seconds": 1.5,
        "versions": ["0.2.0"],
    },
    "graphs": {
        "fanout": {
            "last_seen_seconds": 12.0,
            "started_seconds": 86400.0,
            "version": "0.2.0",
            "host": "worker-1",
        }
    },
    "switches": {},
    "jobs": {"retention": {"done_seconds": 3600.0, "overdue": False, "state": "done"}},
    "overdue_jobs": 0,
    "other_program": None,
    "last_hour": {
        "states": {"completed": 60, "expired": 0, "unrouted": 0, "dead": 0},
        "per_minute": [1] * 60,
    },
    "latency": {"p50_seconds": 0.02, "p95_seconds": 0.04, "p99_seconds": 0.05},
    "slot_name": "fanout_events",
    "slot": {
        "active": True,
        "wal_status": "reserved",
        "lag_bytes": 56,
        "kept_bytes": 16777216,
        "left_bytes": None,
        "inactive_seconds": None,
        "invalidation_reason": None,
        "synced": False,
    },
    "idle_slot_seconds": None,
    "heartbeat_seconds": 4.0,
    "log_bytes": None,
    "dead_letters": {"open": 0, "causes": 0, "latest": []},
    "retention": None,
    "calendar_grants": None,
    "mails": None,
    "pushes": None,
    "reactions": None,
    "not_installed": [],
    "not_visible": ["log_bytes"],
    "locked": [],
    "locks": [],
}
DOCTOR: Final[dict[str, Any]] = {
    "ok": True,
    "checks": [
        {
            "name": "schema",
            "looks_at": "fanout_migrations",
            "verdict": "ok",
            "seen": "every migration is applied",
            "fix": None,
        }
    ],
}
CATALOGUE: Final[dict[str, Any]] = {
    "types": [
        {
            "type": "document_uploaded",
            "occasion": "a file was uploaded.",
            "consequence": "Tell everyone who may view the document.",
            "recipients": "everyone who may view the document",
            "spares_actor": True,
            "channels": ["in_app", "email"],
            "preference": {"name": "document_uploaded", "scope": "project"},
            "columns": [{"name": "project_id", "needed": "yes"}],
            "fields": [
                {
                    "name": "fileName",
                    "type": "text",
                    "default": "A file",
                    "null_matters": False,
                    "needed": "no",
                }
            ],
            "schema": {"type": "object", "properties": {}},
            "example": {"fileName": "Rent roll.xlsx"},
        }
    ],
    "reactions": [
        {
            "type": "user.verified",
            "occasion": "a person is verified.",
            "consequence": "Tell the person what waits for them, after a minute.",
            "follows": "One task, due 60 seconds after the event.",
            "condition": None,
            "order": None,
            "fields": [{"name": "userId", "type": "UUID", "default": None, "needed": True}],
            "schema": {"type": "object"},
            "example": {"userId": "a0000000-0000-4000-8000-000000000001"},
        }
    ],
}


class DoctorCheck(BaseModel):
    """A check and what it saw.

    Attributes:
        looks_at: where the answer comes from.
        verdict: null if the check was not run.
        fix: how to fix what is wrong.
    """

    name: str
    looks_at: str
    verdict: Literal["ok", "warning", "failed"] | None
    seen: str
    fix: str | None


class DoctorReport(BaseModel):
    """What every check saw.

    Attributes:
        ok: whether no check failed. There may be warnings.
    """

    ok: bool
    checks: list[DoctorCheck]


class PreferenceOfType(BaseModel):
    """The name under which people mute the type, and the most specific scope of that."""

    name: str
    scope: Literal["global", "project", "thread"]


class CatalogueColumn(BaseModel):
    """A column of domain_events that changes the results.

    Attributes:
        needed: whether the event tells nobody without it; `either`: the payload may hold it.
    """

    name: str
    needed: Literal["no", "either", "yes"]


class CatalogueField(BaseModel):
    """A key of the payload.

    Attributes:
        name: for a key within an object, its path.
        type: in words.
        default: what it counts as if it is absent, null or an empty text.
        null_matters: whether null differs from an absent key.
        needed: whether the event tells nobody without it; `either`: a column may hold it.
    """

    name: str
    type: str
    default: Any
    null_matters: bool
    needed: Literal["no", "either", "yes"]


class CatalogueType(BaseModel):
    """An event type.

    Attributes:
        occasion: what happened.
        consequence: the results, in a sentence.
        recipients: who may be told.
        spares_actor: whether the person who caused the event is left out.
        schema: the JSON Schema of the payload.
        example: a payload.
    """

    model_config = ConfigDict(serialize_by_alias=True)

    type: str
    occasion: str
    consequence: str
    recipients: str
    spares_actor: bool
    channels: list[str]
    preference: PreferenceOfType
    columns: list[CatalogueColumn]
    fields: list[CatalogueField]
    # BaseModel has an attribute named schema.
    payload_schema: dict[str, Any] = Field(alias="schema")
    example: dict[str, Any]


class ReactionField(BaseModel):
    """A key of the payload of an event of reactions.

    Attributes:
        name: for a key within an object, its path.
        type: in words.
        default: what it counts as if it is absent, null or an empty text.
        needed: whether the event is dead without it.
    """

    name: str
    type: str
    default: Any
    needed: bool


class ReactionType(BaseModel):
    """An event type of reactions.

    Attributes:
        occasion: what happened.
        consequence: what its handler is for.
        follows: what follows.
        condition: which events the handler wants; null: all.
        order: in which order they are processed; null: in that of their sequence.
        schema: the JSON Schema of the payload.
        example: a payload.
    """

    model_config = ConfigDict(serialize_by_alias=True)

    type: str
    occasion: str
    consequence: str
    follows: str
    condition: str | None
    order: str | None
    fields: list[ReactionField]
    # BaseModel has an attribute named schema.
    payload_schema: dict[str, Any] = Field(alias="schema")
    example: dict[str, Any]


class Catalogue(BaseModel):
    """Every event type, by name.

    Attributes:
        types: of the fan-out.
        reactions: of reactions.
    """

    types: list[CatalogueType]
    reactions: list[ReactionType]
