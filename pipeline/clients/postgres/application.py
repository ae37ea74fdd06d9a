"""What we need of the application's tables: the one list that all checks and the manual read.

All of them are looked for in the schema ``public``. No migration of ours makes what is missing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

SCHEMA: Final = "public"


class Type(StrEnum):
    """What a column has to be; ``accepts`` says which types of Postgres are as good."""

    ID = "bigint"
    UUID = "uuid"
    TEXT = "text"
    # Only read or compared, so that an enum will do.
    WORD = "text or an enum"
    TIME = "timestamptz"
    # Only read; without a zone it counts as UTC.
    ANY_TIME = "timestamptz or timestamp"
    JSON = "jsonb"
    INTEGER = "integer"

    def accepts(self, name: str, category: str) -> bool:
        """Whether it may be of this type.

        Args:
            name: ``typname`` in pg_type, of the type below a domain.
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


class Kind(StrEnum):
    """What may stand behind the name of a table."""

    TABLE = "table"
    # Its rows are held by FOR KEY SHARE until what refers to them is written.
    LOCKABLE = "table, or view of one table"
    READABLE = "table or view"


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Attributes:
        name: of the column.
        type: what it has to be.
        words: an enum must have these.
        is_key: whether it alone is a primary key or unique.
        is_written: whether every row that we insert has a value for it, or NULL.
        may_be_null: whether that, or an update of ours, can be NULL.
        needs_default: whether it must get a value by itself, though it may be NULL.
        is_ours: whether ``migrate`` adds it where it is missing.
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
    """One table: what may stand behind its name, and its columns; it may have others."""

    name: str
    kind: Kind
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
        Kind.TABLE,
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
        Kind.TABLE,
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
        Kind.TABLE,
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
        Kind.TABLE,
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
        Kind.LOCKABLE,
        (Column("id", Type.UUID), *_columns(Type.TEXT, "full_name", "email")),
    ),
    Table(
        "projects",
        Kind.LOCKABLE,
        (*_columns(Type.UUID, "id", "owner_org_id"), Column("name", Type.TEXT)),
    ),
    # Of these two no column: the migrations grant rights on them.
    Table("orgs", Kind.READABLE),
    Table("meetings", Kind.READABLE),
    Table(
        "org_members",
        Kind.READABLE,
        (*_columns(Type.UUID, "org_id", "user_id"), Column("role", Type.WORD, ("owner",))),
    ),
    Table(
        "project_access_grants", Kind.READABLE, tuple(_columns(Type.UUID, "project_id", "user_id"))
    ),
    Table(
        "resources",
        Kind.READABLE,
        tuple(_columns(Type.UUID, "id", "org_id", "project_id", "parent_id")),
    ),
    Table(
        "permissions",
        Kind.READABLE,
        (
            *_columns(Type.UUID, "resource_id", "user_id"),
            Column("permission", Type.WORD, ("none",)),
        ),
    ),
    Table(
        "chat_threads",
        Kind.READABLE,
        (*_columns(Type.UUID, "id", "project_id"), Column("topic", Type.TEXT)),
    ),
    Table(
        "chat_thread_participants",
        Kind.READABLE,
        tuple(_columns(Type.UUID, "thread_id", "user_id")),
    ),
    Table(
        "meeting_participants", Kind.READABLE, tuple(_columns(Type.UUID, "meeting_id", "user_id"))
    ),
    Table(
        "user_notification_preferences",
        Kind.READABLE,
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
# So are columns of tables that our migrations make, or that they add.
SHARED_COLUMNS: Final = frozenset(
    {"channel", "created_at", "event_id", "event_type", "id", "name", "user_id"}
)
