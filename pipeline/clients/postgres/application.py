"""The list of tables and columns that we need of the application. All checks and the manual use it.

We look for all of them in the schema ``public``. Our migrations do not create missing ones.
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

    def accepts(self, name: str, category: str) -> bool:
        """Whether a type of Postgres is valid for the column.

        Args:
            name: ``typname`` in pg_type; for a domain, that of the base type.
            category: ``typcategory``: 'S' for strings, 'E' for enums.
        """
        return name in _ACCEPTED.get(self, ()) or category in _CATEGORIES.get(self, "")


_ACCEPTED: Final = {
    Type.ID: ("int8", "int4"),
    Type.UUID: ("uuid",),
    Type.TIME: ("timestamptz",),
    Type.ANY_TIME: ("timestamptz", "timestamp"),
    Type.JSON: ("jsonb",),
    Type.INTEGER: ("int4", "int8"),
}
_CATEGORIES: Final = {Type.TEXT: "S", Type.WORD: "SE"}


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
    """One table: the valid kinds of object, and the columns. It may have other columns."""

    name: str
    kind: ObjectKind
    columns: Sequence[Column] = ()

    @property
    def is_written(self) -> bool:
        """Whether we insert into it."""
        return any(column.is_written for column in self.columns)


def _written(
    name: str,
    of_type: Type,
    *,
    is_key: bool = False,
    may_be_null: bool = False,
    is_ours: bool = False,
) -> Column:
    return Column(
        name, of_type, is_key=is_key, is_written=True, may_be_null=may_be_null, is_ours=is_ours
    )


def _ours(name: str, of_type: Type) -> Column:
    return Column(name, of_type, may_be_null=True, is_ours=True)


def _columns(of_type: Type, *names: str) -> list[Column]:
    return [Column(name, of_type) for name in names]


NEEDED: Final = (
    Table(
        "domain_events",
        ObjectKind.TABLE,
        (
            Column("id", Type.ID, is_key=True),
            Column("event_type", Type.TEXT),
            *_columns(
                Type.UUID, "actor_id", "project_id", "resource_id", "thread_id", "meeting_id"
            ),
            Column("payload", Type.JSON),
            Column("created_at", Type.TIME),
        ),
    ),
    Table(
        "notification_processing",
        ObjectKind.TABLE,
        (
            _written("event_id", Type.ID, is_key=True),
            _written("processing_status", Type.TEXT),
            _written("processor_id", Type.TEXT),
            _written("completed_at", Type.TIME),
            Column("retry_count", Type.INTEGER),
            Column("error_message", Type.TEXT, may_be_null=True),
            _written("event_type", Type.TEXT, is_ours=True),
            _written("event_created_at", Type.TIME, may_be_null=True, is_ours=True),
            _written("pipeline_version", Type.TEXT, is_ours=True),
            _written("reason", Type.TEXT, may_be_null=True, is_ours=True),
            *(_ours(name, Type.INTEGER) for name in ("notifications", "emails", "skipped")),
        ),
    ),
    Table(
        "notifications",
        ObjectKind.TABLE,
        (
            Column("id", Type.ID),
            _written("user_id", Type.UUID),
            _written("event_id", Type.ID),
            _written("title", Type.TEXT),
            _written("body", Type.TEXT),
            _written("link_url", Type.TEXT),
            _written("payload", Type.JSON),
            Column("read_at", Type.TIME, may_be_null=True),
            Column("created_at", Type.TIME, needs_default=True),
            _written("kind", Type.TEXT, is_ours=True),
            _ours("counter_thread_id", Type.UUID),
        ),
    ),
    Table(
        "pending_emails",
        ObjectKind.TABLE,
        (
            Column("id", Type.ID),
            _written("user_id", Type.UUID),
            _written("event_id", Type.ID),
            _written("event_type", Type.TEXT),
            _written("delivery_type", Type.TEXT),
            _written("project_id", Type.UUID, may_be_null=True),
            _written("project_name", Type.TEXT, may_be_null=True),
            _written("subject", Type.TEXT),
            _written("body_data", Type.JSON),
            Column("status", Type.TEXT, needs_default=True),
            Column("created_at", Type.TIME, needs_default=True),
            Column("processed_at", Type.TIME, may_be_null=True),
        ),
    ),
    Table(
        "profiles",
        ObjectKind.LOCKABLE,
        (Column("id", Type.UUID), *_columns(Type.TEXT, "full_name", "email")),
    ),
    Table(
        "projects",
        ObjectKind.LOCKABLE,
        (*_columns(Type.UUID, "id", "owner_org_id"), Column("name", Type.TEXT)),
    ),
    # We use no column of these two. The migrations grant rights on them.
    Table("orgs", ObjectKind.READABLE),
    Table("meetings", ObjectKind.READABLE),
    Table(
        "org_members",
        ObjectKind.READABLE,
        (*_columns(Type.UUID, "org_id", "user_id"), Column("role", Type.WORD, ("owner",))),
    ),
    Table(
        "project_access_grants",
        ObjectKind.READABLE,
        tuple(_columns(Type.UUID, "project_id", "user_id")),
    ),
    Table(
        "resources",
        ObjectKind.READABLE,
        tuple(_columns(Type.UUID, "id", "org_id", "project_id", "parent_id")),
    ),
    Table(
        "permissions",
        ObjectKind.READABLE,
        (
            *_columns(Type.UUID, "resource_id", "user_id"),
            Column("permission", Type.WORD, ("none",)),
        ),
    ),
    Table(
        "chat_threads",
        ObjectKind.READABLE,
        (*_columns(Type.UUID, "id", "project_id"), Column("topic", Type.TEXT)),
    ),
    Table(
        "chat_thread_participants",
        ObjectKind.READABLE,
        tuple(_columns(Type.UUID, "thread_id", "user_id")),
    ),
    Table(
        "meeting_participants",
        ObjectKind.READABLE,
        tuple(_columns(Type.UUID, "meeting_id", "user_id")),
    ),
    Table(
        "user_notification_preferences",
        ObjectKind.READABLE,
        (
            *_columns(Type.UUID, "id", "user_id", "scope_id"),
            Column("scope_type", Type.WORD, ("global", "project", "thread")),
            Column("event_type", Type.TEXT),
            *_columns(Type.WORD, "channel", "status"),
            Column("updated_at", Type.ANY_TIME),
        ),
    ),
)

TABLES: Final = tuple(sorted(table.name for table in NEEDED))
COLUMNS: Final = frozenset(
    column.name for table in NEEDED for column in table.columns if not column.is_ours
)
# Tables of our migrations also have columns with these names.
SHARED_COLUMNS: Final = frozenset(
    {"channel", "created_at", "event_id", "event_type", "id", "name", "user_id"}
)
