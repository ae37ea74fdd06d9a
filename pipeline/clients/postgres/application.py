"""The list of tables and columns that we need of the application. All checks and the manual use it.

This list is the fan-out's; ``application_jobs`` has what the scheduled jobs need besides. We look
for all of them in the schema ``public``. Our migrations do not create missing ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

SCHEMA: Final = "public"


class Type(StrEnum):
    """The type that a column must have. ``accepts`` says which types of Postgres are valid."""

    ID = "bigint"
    UUID = "uuid"
    TEXT = "text"
    # We only read or compare it, so an enum is valid too.
    WORD = "text or an enum"
    TIME = "timestamptz"
    # We only read it. Without a zone it counts as UTC.
    ANY_TIME = "timestamptz or timestamp"
    JSON = "jsonb"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    # We only read these two.
    NUMBER = "integer or numeric"
    ANY_ID = "bigint or uuid"

    def accepts(self, name: str, category: str) -> bool:
        """Whether a type of Postgres is valid for the column.

        Args:
            name: ``typname`` in pg_type; for a domain, that of the base type.
            category: ``typcategory``: 'S' for strings, 'E' for enums, 'N' for numbers.
        """
        return name in _ACCEPTED.get(self, ()) or category in _CATEGORIES.get(self, "")


_ACCEPTED: Final = {
    Type.ID: ("int8", "int4"),
    Type.UUID: ("uuid",),
    Type.TIME: ("timestamptz",),
    Type.ANY_TIME: ("timestamptz", "timestamp"),
    Type.JSON: ("jsonb",),
    Type.INTEGER: ("int4", "int8"),
    Type.BOOLEAN: ("bool",),
    Type.ANY_ID: ("int8", "int4", "uuid"),
}
_CATEGORIES: Final = {Type.TEXT: "S", Type.WORD: "SE", Type.NUMBER: "N"}


class ObjectKind(StrEnum):
    """The kinds of database objects that are valid for a table."""

    TABLE = "table"
    # We lock its rows with FOR KEY SHARE until the rows that refer to them are written.
    LOCKABLE = "table, or view of one table"
    READABLE = "table or view"


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes:
        name: the name of the column.
        type: the type that it must have.
        words: the labels that an enum must have.
        is_key: whether the column alone must be a primary key or unique.
        is_written: whether each INSERT of ours sets it, to a value or to NULL.
        may_be_null: whether an INSERT or UPDATE of ours can set it to NULL.
        needs_default: whether it must have a default, although it may be NULL.
        is_ours: whether ``migrate`` adds it if it is missing.
    """

    name: str
    type: Type
    words: Sequence[str] = ()
    is_key: bool = False
    is_written: bool = False
    may_be_null: bool = False
    needs_default: bool = False
    is_ours: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """One table. It may have other columns.

    Attributes:
        name: the name of the table.
        kind: the valid kinds of object.
        columns: the columns.
        is_optional: whether an application may be without it.
    """

    name: str
    kind: ObjectKind
    columns: Sequence[Column] = ()
    is_optional: bool = False

    @property
    def is_written(self) -> bool:
        """Whether we insert into it."""
        return any(column.is_written for column in self.columns)


def written(
    name: str,
    of_type: Type,
    *,
    is_key: bool = False,
    may_be_null: bool = False,
    is_ours: bool = False,
) -> Column:
    """Return a column that each INSERT of ours sets."""
    return Column(
        name, of_type, is_key=is_key, is_written=True, may_be_null=may_be_null, is_ours=is_ours
    )


def _ours(name: str, of_type: Type) -> Column:
    return Column(name, of_type, may_be_null=True, is_ours=True)


def columns(of_type: Type, *names: str) -> list[Column]:
    """Return columns of one type that we only read."""
    return [Column(name, of_type) for name in names]


NEEDED: Final = (
    Table(
        "domain_events",
        ObjectKind.TABLE,
        (
            Column("id", Type.ID, is_key=True),
            Column("event_type", Type.TEXT),
            *columns(Type.UUID, "actor_id", "project_id", "resource_id", "thread_id", "meeting_id"),
            Column("payload", Type.JSON),
            Column("created_at", Type.TIME),
        ),
    ),
    Table(
        "notification_processing",
        ObjectKind.TABLE,
        (
            written("event_id", Type.ID, is_key=True),
            written("processing_status", Type.TEXT),
            written("processor_id", Type.TEXT),
            written("completed_at", Type.TIME),
            Column("retry_count", Type.INTEGER),
            Column("error_message", Type.TEXT, may_be_null=True),
            written("event_type", Type.TEXT, is_ours=True),
            written("event_created_at", Type.TIME, may_be_null=True, is_ours=True),
            written("pipeline_version", Type.TEXT, is_ours=True),
            written("reason", Type.TEXT, may_be_null=True, is_ours=True),
            *(_ours(name, Type.INTEGER) for name in ("notifications", "emails", "skipped")),
        ),
    ),
    Table(
        "notifications",
        ObjectKind.TABLE,
        (
            Column("id", Type.ID),
            written("user_id", Type.UUID),
            written("event_id", Type.ID),
            written("title", Type.TEXT),
            written("body", Type.TEXT),
            written("link_url", Type.TEXT),
            written("payload", Type.JSON),
            Column("read_at", Type.TIME, may_be_null=True),
            Column("created_at", Type.TIME, needs_default=True),
            written("kind", Type.TEXT, is_ours=True),
            _ours("counter_thread_id", Type.UUID),
        ),
    ),
    Table(
        "pending_emails",
        ObjectKind.TABLE,
        (
            Column("id", Type.ID),
            written("user_id", Type.UUID),
            written("event_id", Type.ID),
            written("event_type", Type.TEXT),
            written("delivery_type", Type.TEXT),
            written("project_id", Type.UUID, may_be_null=True),
            written("project_name", Type.TEXT, may_be_null=True),
            written("subject", Type.TEXT),
            written("body_data", Type.JSON),
            Column("status", Type.TEXT, needs_default=True),
            Column("created_at", Type.TIME, needs_default=True),
            Column("processed_at", Type.TIME, may_be_null=True),
        ),
    ),
    Table(
        "profiles",
        ObjectKind.LOCKABLE,
        (Column("id", Type.UUID), *columns(Type.TEXT, "full_name", "email")),
    ),
    Table(
        "projects",
        ObjectKind.LOCKABLE,
        (*columns(Type.UUID, "id", "owner_org_id"), Column("name", Type.TEXT)),
    ),
    # We use no column of these two. The migrations grant rights on them.
    Table("orgs", ObjectKind.READABLE),
    Table("meetings", ObjectKind.READABLE),
    Table(
        "org_members",
        ObjectKind.READABLE,
        (*columns(Type.UUID, "org_id", "user_id"), Column("role", Type.WORD, ("owner",))),
    ),
    Table(
        "project_access_grants",
        ObjectKind.READABLE,
        tuple(columns(Type.UUID, "project_id", "user_id")),
    ),
    Table(
        "resources",
        ObjectKind.READABLE,
        tuple(columns(Type.UUID, "id", "org_id", "project_id", "parent_id")),
    ),
    Table(
        "permissions",
        ObjectKind.READABLE,
        (
            *columns(Type.UUID, "resource_id", "user_id"),
            Column("permission", Type.WORD, ("none",)),
        ),
    ),
    Table(
        "chat_threads",
        ObjectKind.READABLE,
        (*columns(Type.UUID, "id", "project_id"), Column("topic", Type.TEXT)),
    ),
    Table(
        "chat_thread_participants",
        ObjectKind.READABLE,
        tuple(columns(Type.UUID, "thread_id", "user_id")),
    ),
    Table(
        "meeting_participants",
        ObjectKind.READABLE,
        tuple(columns(Type.UUID, "meeting_id", "user_id")),
    ),
    Table(
        "user_notification_preferences",
        ObjectKind.READABLE,
        (
            *columns(Type.UUID, "id", "user_id", "scope_id"),
            Column("scope_type", Type.WORD, ("global", "project", "thread")),
            Column("event_type", Type.TEXT),
            *columns(Type.WORD, "channel", "status"),
            Column("updated_at", Type.ANY_TIME),
        ),
    ),
)

TABLES: Final = tuple(sorted(table.name for table in NEEDED))
