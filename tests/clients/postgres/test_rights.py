"""The rights in ``docs/rights.md`` and in the database are the same, and all are needed.

A right is a line with the words of GRANT: ``fanout_writer: INSERT ON table notifications``.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import psycopg
import pytest
from psycopg import ClientCursor, sql
from psycopg.errors import InsufficientPrivilege

from local.debezium.configuration import engine_properties, read
from pipeline.clients.postgres.leased_table import LeasedTable
from pipeline.clients.postgres.sql import alternatives, load
from pipeline.ops.replay.applying import APPLIED, REPLAY_PLANS
from pipeline.steps.deliveries import DELIVERIES
from pipeline.steps.job_runs import JOB_RUNS, PROGRESS
from pipeline.steps.push.table import PUSHES
from tests.databases import Database

ROOT: Final = Path(__file__).parents[3]
DOCUMENT: Final = ROOT / "docs" / "rights.md"
CONFIGURATION: Final = ROOT / "debezium" / "application.properties"
ROLES: Final = (
    *("fanout_cdc", "fanout_writer", "fanout_operator", "fanout_viewer"),
    *("fanout_jobs", "fanout_sender", "fanout_push"),
)
GRANTEES: Final = (*ROLES, "PUBLIC")
# It works in a database of its own family, so that the document gives it a table of its own.
REACTIONS: Final = "fanout_reactions"
# Who operates reactions: statements that need the tables of that family.
OF_REACTIONS: Final = ("pipeline/ops/reactions", "pipeline/ops/routes")
# The role of the jobs in such a database, where it has other rights.
JOBS_OF_REACTIONS: Final = "fanout_jobs, with reactions alone"
# It may call functions and insert into one table, so that the document gives it a table of its own.
PRODUCER: Final = "fanout_producer"
BROADCASTER: Final = "fanout_broadcaster"
NONE: Final = "–"  # noqa: RUF001 - as in the document

# The roles that run the statements of a folder. The plan of a replay loads facts, too.
RUN_BY: Final = {
    "pipeline/facts/reactions": (REACTIONS,),
    "pipeline/steps/reactions": (REACTIONS,),
    "pipeline/facts": ("fanout_writer", "fanout_operator"),
    "pipeline/clients/postgres": ("fanout_writer", "fanout_operator", "fanout_viewer"),
    "pipeline/sinks": ("fanout_writer",),
    "pipeline/jobs": ("fanout_jobs",),
    "pipeline/jobs/reactions": (JOBS_OF_REACTIONS,),
    "pipeline/steps": ("fanout_jobs",),
    "pipeline/steps/mail": ("fanout_sender",),
    "pipeline/steps/sending": ("fanout_sender", "fanout_push"),
    "pipeline/steps/push": ("fanout_push",),
    "pipeline/steps/watches": ("fanout_jobs",),
    "pipeline/steps/webhooks": ("fanout_push",),
    "pipeline/sources": ("fanout_writer",),
    "pipeline/producer": (PRODUCER,),
    "pipeline/ops/audit": ("fanout_operator",),
    "pipeline/ops/budget": ("fanout_operator", "fanout_viewer"),
    "pipeline/ops/capture": ("fanout_operator",),
    "pipeline/ops/dead_letters": ("fanout_operator", "fanout_viewer"),
    "pipeline/ops/deliveries": ("fanout_operator", "fanout_viewer"),
    "pipeline/ops/doctor": ("fanout_operator", "fanout_viewer"),
    "pipeline/ops/events": ("fanout_operator", "fanout_viewer"),
    "pipeline/ops/forget": ("fanout_operator",),
    "pipeline/ops/idempotency": ("fanout_operator",),
    "pipeline/ops/jobs": ("fanout_operator", "fanout_viewer"),
    "pipeline/ops/mail": ("fanout_operator", "fanout_viewer"),
    "pipeline/ops/metrics": ("fanout_operator", "fanout_viewer"),
    "pipeline/ops/own_tables": ("fanout_operator", "fanout_viewer"),
    "pipeline/ops/push": ("fanout_operator", "fanout_viewer"),
    "pipeline/ops/ready": ("fanout_operator", "fanout_viewer"),
    "pipeline/ops/replay": ("fanout_operator",),
    "pipeline/ops/status": ("fanout_operator", "fanout_viewer"),
    "pipeline/ops/switches": ("fanout_operator",),
    "pipeline/ops/tokens": ("fanout_operator",),
    "pipeline/ops/broadcasts": (BROADCASTER,),
    "pipeline/ops/webhooks": ("fanout_operator",),
    "pipeline/ops/why": ("fanout_operator", "fanout_viewer"),
}
# Single files that another role runs too.
RUN_ALSO: Final = {
    JOBS_OF_REACTIONS: (
        "pipeline/steps/sql/delete_attempts.sql",
        "pipeline/steps/sql/delete_reactions.sql",
        "pipeline/steps/sql/delete_dispatches.sql",
    ),
    "fanout_jobs": (
        "pipeline/clients/postgres/sql/apply_settings.sql",
        "pipeline/facts/sql/switches.sql",
        "pipeline/sinks/sql/beat.sql",
        "pipeline/sinks/sql/forget_published.sql",
        "pipeline/sinks/sql/unpublished_letters.sql",
        "pipeline/sinks/sql/write_dead_letters.sql",
    ),
    "fanout_viewer": (
        "pipeline/ops/replay/sql/became.sql",
        "pipeline/ops/replay/sql/plan.sql",
        "pipeline/ops/replay/sql/replays.sql",
        "pipeline/ops/switches/sql/count_paused.sql",
        "pipeline/ops/switches/sql/count_waiting_runs.sql",
        "pipeline/ops/switches/sql/switches.sql",
        "pipeline/ops/tokens/sql/use_token.sql",
    ),
    "fanout_sender": (
        "pipeline/clients/postgres/sql/apply_settings.sql",
        "pipeline/facts/sql/switches.sql",
        "pipeline/sinks/sql/beat.sql",
        "pipeline/sinks/sql/open_switch.sql",
        "pipeline/sinks/sql/close_switch.sql",
        "pipeline/sinks/sql/reopen_after_trial.sql",
        "pipeline/sinks/sql/refund_failures.sql",
    ),
    "fanout_push": (
        "pipeline/clients/postgres/sql/apply_settings.sql",
        "pipeline/facts/sql/switches.sql",
        "pipeline/sinks/sql/beat.sql",
        "pipeline/sinks/sql/open_switch.sql",
        "pipeline/sinks/sql/close_switch.sql",
        "pipeline/sinks/sql/reopen_after_trial.sql",
        "pipeline/sinks/sql/refund_failures.sql",
        "pipeline/sinks/sql/phones.sql",
    ),
    # A run of a job that a person asks for.
    "fanout_operator": ("pipeline/steps/sql/record_run.sql",),
}
# Single files of these folders that a role does not run: they change something, or read payloads.
NOT_RUN_BY: Final = {
    "fanout_viewer": (
        "pipeline/ops/dead_letters/sql/event.sql",
        "pipeline/ops/dead_letters/sql/letter.sql",
        "pipeline/ops/dead_letters/sql/resolve.sql",
        "pipeline/ops/events/sql/payload.sql",
        "pipeline/ops/mail/sql/end_subscription.sql",
        "pipeline/ops/mail/sql/lift.sql",
        "pipeline/ops/mail/sql/record_report.sql",
        "pipeline/ops/mail/sql/suppress.sql",
        "pipeline/ops/mail/sql/suppressions.sql",
    ),
    "fanout_jobs": (
        "pipeline/steps/sql/delete_reactions.sql",
        "pipeline/steps/sql/delete_dispatches.sql",
    ),
    # Of mails alone: its requests may hold several.
    "fanout_push": ("pipeline/steps/sending/sql/release_one.sql",),
    "fanout_writer": (
        "pipeline/sinks/sql/reopen_after_trial.sql",
        "pipeline/sinks/sql/refund_failures.sql",
        "pipeline/sinks/sql/phones.sql",
    ),
}
# Of a file with alternatives, those that a role does not run.
NO_ALTERNATIVE_OF: Final = {
    "fanout_jobs": {"reactions"},
    JOBS_OF_REACTIONS: {"deliveries", "others"},
}
# The leased tables of a role, and the columns that it sets when it extends a lease.
LEASED: Final[dict[str, tuple[LeasedTable, tuple[str, ...]]]] = {
    "fanout_jobs": (JOB_RUNS, PROGRESS),
    "fanout_operator": (REPLAY_PLANS, APPLIED),
    "fanout_sender": (DELIVERIES, ()),
    "fanout_push": (PUSHES, ()),
}
# A statement in the code. Every role runs it.
CHECK: Final = b"SELECT FROM public.fanout_migrations"
# Only for members of pg_monitor. Others omit it.
OPTIONAL: Final = ROOT / "pipeline" / "ops" / "status" / "sql" / "log_size.sql"
VARIABLES: Final = ("DATABASE_HOST", "DATABASE_NAME", "DATABASE_PASSWORD", "PUBSUB_PROJECT_ID")
# Other parameters can be NULL.
PARAMETERS: Final = {
    "older_than": timedelta(0),
    "roles": [],
    "tables": [],
    # With NULL, the planner would leave out tables that have no rows then.
    "now": datetime(2026, 3, 2, tzinfo=UTC),
    "lead_minutes": 30,
    "unread_minutes": 180,
    "most_stale_days": 14,
    "days": 90,
    "dry_run": False,
    # Likewise, for what people got and did not get.
    "event": 1,
    "closed": False,
    "switch": "any",
}

OURS: Final = sql.SQL("(SELECT oid FROM pg_namespace WHERE nspname !~ '^pg_|^information_schema$')")
TABLE_VERBS: Final = (
    "SELECT",
    "INSERT",
    "UPDATE",
    "DELETE",
    "TRUNCATE",
    "REFERENCES",
    "TRIGGER",
    "MAINTAIN",
)
COLUMN_VERBS: Final = ("SELECT", "INSERT", "UPDATE", "REFERENCES")


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of object on which rights can be granted.

    Attributes:
        objects: a query for the oids and names of the objects. {} is the list of namespaces.
        has: the function that tests a right.
        verbs: the rights that exist.
    """

    objects: sql.SQL
    has: sql.SQL
    verbs: tuple[str, ...]


KINDS: Final = {
    "table": Kind(
        sql.SQL(
            "SELECT oid, oid::regclass::text FROM pg_class"
            " WHERE relkind IN ('r', 'p', 'f') AND relnamespace IN {}"
        ),
        sql.SQL("has_table_privilege"),
        TABLE_VERBS,
    ),
    "view": Kind(
        sql.SQL(
            "SELECT oid, oid::regclass::text FROM pg_class"
            " WHERE relkind IN ('v', 'm') AND relnamespace IN {}"
        ),
        sql.SQL("has_table_privilege"),
        TABLE_VERBS,
    ),
    "sequence": Kind(
        sql.SQL(
            "SELECT oid, oid::regclass::text FROM pg_class"
            " WHERE relkind = 'S' AND relnamespace IN {}"
        ),
        sql.SQL("has_sequence_privilege"),
        ("USAGE", "SELECT", "UPDATE"),
    ),
    "function": Kind(
        sql.SQL("SELECT oid, oid::regprocedure::text FROM pg_proc WHERE pronamespace IN {}"),
        sql.SQL("has_function_privilege"),
        ("EXECUTE",),
    ),
    "schema": Kind(
        sql.SQL("SELECT oid, nspname FROM pg_namespace WHERE oid IN {}"),
        sql.SQL("has_schema_privilege"),
        ("USAGE", "CREATE"),
    ),
    "database": Kind(
        sql.SQL("SELECT oid, 'this' FROM pg_database WHERE datname = current_database()"),
        sql.SQL("has_database_privilege"),
        ("CONNECT", "CREATE", "TEMPORARY"),
    ),
}
RIGHTS: Final = sql.SQL("""
    SELECT grantee, verb, object.name
    FROM ({objects}) AS object (oid, name),
        unnest(%s::text[]) AS grantee, unnest(%s::text[]) AS verb
    WHERE {has}(lower(grantee), object.oid, verb)
""")
COLUMN_RIGHTS: Final = sql.SQL("""
    SELECT grantee, verb, attname,
           CASE relkind WHEN 'v' THEN 'view' ELSE 'table' END, relation.oid::regclass
    FROM pg_class AS relation
    JOIN pg_attribute ON attrelid = relation.oid AND attnum > 0 AND NOT attisdropped,
        unnest(%s::text[]) AS grantee, unnest(%s::text[]) AS verb
    WHERE relkind IN ('r', 'p', 'f', 'v') AND relnamespace IN {}
        AND has_column_privilege(lower(grantee), relation.oid, attnum, verb)
        AND NOT has_table_privilege(lower(grantee), relation.oid, verb)
""").format(OURS)
COLUMNS: Final = sql.SQL("""
    SELECT name, attname
    FROM ({objects}) AS object (oid, name)
    JOIN pg_attribute ON attrelid = object.oid AND attnum > 0 AND NOT attisdropped
        -- Nobody can write a generated column.
        AND attgenerated = ''
""").format(objects=KINDS["table"].objects.format(OURS))

# The statement that a role tries on each table, or on each column if the right is per column.
ATTEMPTS: Final = {
    "SELECT": "SELECT {column} FROM {table} LIMIT 0",
    "INSERT": "INSERT INTO {table} ({column}) OVERRIDING SYSTEM VALUE SELECT NULL WHERE false",
    "UPDATE": "UPDATE {table} SET {column} = DEFAULT WHERE false",
    "DELETE": "DELETE FROM {table} WHERE false",
    "TRUNCATE": "TRUNCATE {table} CASCADE",
    "TRIGGER": "CREATE TRIGGER attempt BEFORE INSERT ON {table}"
    " EXECUTE FUNCTION suppress_redundant_updates_trigger()",
    "MAINTAIN": "REINDEX TABLE {table}",
    "ownership": "ALTER TABLE {table} ADD COLUMN attempt int",
}

BEYOND_RIGHTS: Final = """
    SELECT rolname || ' ' || attribute
    FROM pg_roles, LATERAL (VALUES
        ('logs in', rolcanlogin),
        ('is a superuser', rolsuper),
        ('makes roles', rolcreaterole),
        ('makes databases', rolcreatedb),
        ('gets past row security', rolbypassrls),
        ('replicates', rolreplication)
    ) AS has (attribute, present)
    WHERE rolname = ANY (%(roles)s) AND present
    UNION ALL
    SELECT member::regrole || ' is in ' || roleid::regrole
    FROM pg_auth_members
    WHERE member::regrole::text = ANY (%(roles)s)
    UNION ALL
    SELECT refobjid::regrole || ' owns ' || pg_describe_object(classid, objid, objsubid)
    FROM pg_shdepend
    WHERE refclassid = 'pg_authid'::regclass
        AND refobjid::regrole::text = ANY (%(roles)s)
        AND deptype = 'o'
        AND dbid IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
    UNION ALL
    SELECT 'what is made later is granted to '
        || CASE acl.grantee WHEN 0 THEN 'PUBLIC' ELSE acl.grantee::regrole::text END
    FROM pg_default_acl, aclexplode(defaclacl) AS acl
    WHERE acl.grantee = 0 OR acl.grantee::regrole::text = ANY (%(roles)s)
    UNION ALL
    SELECT oid::regclass || ' shows what its owner may see'
    FROM pg_class
    WHERE relkind = 'v'
        AND relnamespace = 'public'::regnamespace
        AND NOT coalesce(
            (SELECT option_value::bool FROM pg_options_to_table(reloptions)
             WHERE option_name = 'security_invoker'), false)
"""


def granted(connection: psycopg.Connection, grantees: Sequence[str] = GRANTEES) -> frozenset[str]:
    """Return all objects, and every right of the grantees on them, direct or inherited."""
    lines = set()
    for kind, its in KINDS.items():
        objects = its.objects.format(OURS)
        lines |= {f"there is {kind} {name}" for _, name in connection.execute(objects)}
        verbs = [*its.verbs, *(f"{verb} WITH GRANT OPTION" for verb in its.verbs)]
        query = RIGHTS.format(objects=objects, has=its.has)
        rows = connection.execute(query, [list(grantees), verbs])
        lines |= {f"{grantee}: {verb} ON {kind} {name}" for grantee, verb, name in rows}
    rows = connection.execute(COLUMN_RIGHTS, [list(grantees), list(COLUMN_VERBS)])
    return frozenset(
        lines
        | {f"{who}: {verb} ({column}) ON {kind} {name}" for who, verb, column, kind, name in rows}
    )


def tables_of_document() -> Iterator[list[list[str]]]:
    """Yield the cells of each table of the document, the header first."""
    for block in re.findall(r"(?:^\|.*\n)+", DOCUMENT.read_text(), re.MULTILINE):
        rows = [line.strip("|").split("|") for line in block.splitlines()]
        yield [[cell.strip() for cell in row] for row in rows if "---" not in row]


def names_in(cell: str) -> list[str]:
    return re.findall("`([^`]+)`", cell)


def rights_in(cell: str) -> list[str]:
    """Split ``SELECT, UPDATE (a, b)`` into single rights."""
    if cell == NONE:
        return []
    right = r"([A-Z]+)(?: \(([^()]+)\))?"
    assert re.fullmatch(f"{right}(?:, {right})*", cell), f"neither rights nor {NONE}: {cell}"
    rights = []
    for verb, columns in re.findall(right, cell):
        rights += [f"{verb} ({column})" for column in columns.split(", ")] if columns else [verb]
    return rights


def documented() -> frozenset[str]:
    """Return the objects and rights that the document lists."""
    lines = []
    for (kind, *grantees), *rows in tables_of_document():
        if kind not in KINDS:
            continue
        assert names_in(" ".join(grantees)) == list(GRANTEES)
        for names, *cells in rows:
            for name in names_in(names):
                lines.append(f"there is {kind} {name}")
                for grantee, cell in zip(GRANTEES, cells, strict=True):
                    lines += [f"{grantee}: {right} ON {kind} {name}" for right in rights_in(cell)]
    assert len(lines) == len(set(lines)), "the document says something twice"
    return frozenset(lines)


def documented_as_spare() -> frozenset[str]:
    """Return the rights that the document lists as not needed by a statement, without kinds."""
    (rows,) = [rows for head, *rows in tables_of_document() if head[0] == "role"]
    return frozenset(
        f"{names_in(role)[0]}: {right} ON {name}"
        for role, rights, names, _ in rows
        for right in rights_in(rights)
        for name in names_in(names)
    )


def beyond_rights(connection: psycopg.Connection) -> set[str]:
    """Return other powers of the roles: attributes, ownership, grants, and unsafe views."""
    return {
        line
        for (line,) in connection.execute(BEYOND_RIGHTS, {"roles": [*ROLES, PRODUCER, BROADCASTER]})
    }


def files_of(role: str) -> list[Path]:
    not_run = {ROOT / path for path in NOT_RUN_BY.get(role, ())}
    return [
        *(
            path
            for folder, roles in RUN_BY.items()
            if role in roles
            for path in sorted((ROOT / folder / "sql").glob("*.sql"))
            if path not in not_run
        ),
        *(ROOT / path for path in RUN_ALSO.get(role, ())),
    ]


def statements(role: str) -> list[bytes]:
    """Return every statement of ours that the role needs."""
    if role == "fanout_cdc":
        properties = engine_properties(read(CONFIGURATION, dict.fromkeys(VARIABLES, "any")))
        return [properties["heartbeat.action.query"].encode()]
    files = [
        statement
        for path in files_of(role)
        if path != OPTIONAL
        for statement in alternatives_of(path, role)
    ]
    return [CHECK, *files, *leased_statements(role)]


def alternatives_of(path: Path, role: str) -> list[bytes]:
    """Return the statement of a file, or those of its alternatives that the role runs."""
    package = ".".join(path.parent.parent.relative_to(ROOT).parts)
    names: list[str | None] = [
        name
        for name in alternatives(path.read_bytes())
        if name not in NO_ALTERNATIVE_OF.get(role, set())
    ]
    return [load(package, path.stem, name) for name in names or [None]]


def leased_statements(role: str) -> list[bytes]:
    """What is composed to claim, keep and settle the records that a role works on."""
    if role not in LEASED:
        return []
    table, progress = LEASED[role]
    composed = [
        table.claim_statement([table.switch or "id"]),
        table.extend_statement(progress),
        table.settle_statement(),
    ]
    if table.switch is not None:
        composed += table.follow_statements([table.switch])
    return [each.as_bytes(None) for each in composed]


def is_refused(connection: psycopg.Connection, role: str, statement: bytes) -> bool:
    """Whether the role may not run a statement. The statement is only planned."""
    parameters = defaultdict(lambda: None, PARAMETERS)
    try:
        with connection.transaction(force_rollback=True):
            connection.execute(sql.SQL("SET LOCAL ROLE {}").format(sql.Identifier(role)))
            ClientCursor(connection).execute(b"EXPLAIN " + statement, parameters)
    except InsufficientPrivilege:
        return True
    return False


def revoke(connection: psycopg.Connection, line: str) -> None:
    """Revoke the right in a line."""
    role, _, right = line.partition(": ")
    right = right.replace(" ON view ", " ON TABLE ")
    connection.execute(f"REVOKE {right} FROM {role}".encode())


def attempted(connection: psycopg.Connection, role: str) -> set[str]:
    """Try every statement on every table; return those that succeed."""
    lines = set()
    columns = connection.execute(COLUMNS).fetchall()
    for verb, attempt in ATTEMPTS.items():
        by_column = "{column}" in attempt
        for table, column in columns if by_column else {(table, "") for table, _ in columns}:
            right = f"{verb} ({column})" if by_column else verb
            with suppress(InsufficientPrivilege), connection.transaction(force_rollback=True):
                connection.execute(f"SET LOCAL ROLE {role}".encode())
                connection.execute(attempt.format(table=table, column=column).encode())
                lines.add(f"{role}: {right} ON table {table}")
    return lines


def by_column(connection: psycopg.Connection, lines: Iterable[str]) -> set[str]:
    """Return the lines, with INSERT and UPDATE on a table replaced by a line per column."""
    columns = connection.execute(COLUMNS).fetchall()
    expanded = set()
    for line in lines:
        match = re.fullmatch(r"(\w+: (?:SELECT|INSERT|UPDATE))( ON table (.+))", line)
        expanded |= (
            {f"{match[1]} ({column}){match[2]}" for table, column in columns if table == match[3]}
            if match
            else {line}
        )
    return expanded


def test_the_document_names_everything_there_is_and_every_right_on_it(database: Database) -> None:
    with database.connect() as connection:
        found, named = granted(connection), documented()
    assert sorted(found - named) == []
    assert sorted(named - found) == []


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        (
            "GRANT DELETE ON notifications TO fanout_writer",
            {"fanout_writer: DELETE ON table notifications"},
        ),
        (
            "GRANT MAINTAIN ON domain_events TO fanout_cdc",
            {"fanout_cdc: MAINTAIN ON table domain_events"},
        ),
        (
            "GRANT UPDATE (read_at) ON notifications TO fanout_writer",
            {"fanout_writer: UPDATE (read_at) ON table notifications"},
        ),
        (
            "GRANT SELECT (email) ON auth.users TO fanout_operator",
            {"fanout_operator: SELECT (email) ON table auth.users"},
        ),
        (
            "GRANT SELECT ON message_attachments TO PUBLIC",
            {f"{grantee}: SELECT ON table message_attachments" for grantee in GRANTEES},
        ),
        (
            "GRANT SELECT ON projects TO fanout_writer WITH GRANT OPTION",
            {"fanout_writer: SELECT WITH GRANT OPTION ON table projects"},
        ),
        (
            "GRANT SELECT ON fanout_queue TO fanout_writer",
            {"fanout_writer: SELECT ON view fanout_queue"},
        ),
        (
            "GRANT UPDATE ON SEQUENCE notifications_id_seq TO fanout_writer",
            {"fanout_writer: UPDATE ON sequence notifications_id_seq"},
        ),
        (
            "GRANT CREATE ON SCHEMA public TO fanout_operator",
            {"fanout_operator: CREATE ON schema public"},
        ),
        ("GRANT USAGE ON SCHEMA auth TO fanout_cdc", {"fanout_cdc: USAGE ON schema auth"}),
        ("CREATE TABLE anything ()", {"there is table anything"}),
        ("CREATE VIEW anything AS SELECT 1", {"there is view anything"}),
        ("CREATE SEQUENCE anything", {"there is sequence anything"}),
        ("CREATE SCHEMA anything", {"there is schema anything"}),
        (
            "CREATE FUNCTION anything() RETURNS int LANGUAGE sql RETURN 1",
            {
                "there is function anything()",
                *(f"{grantee}: EXECUTE ON function anything()" for grantee in GRANTEES),
            },
        ),
    ],
)
def test_control_a_right_or_a_table_that_the_document_does_not_name_is_found(
    database: Database, statement: str, found: set[str]
) -> None:
    with database.connect() as connection:
        connection.execute(statement.encode())
        assert granted(connection) - documented() == found
        assert documented() <= granted(connection)


def test_control_rights_that_come_with_another_role_are_found(database: Database) -> None:
    with database.connect() as connection, connection.transaction(force_rollback=True):
        connection.execute("GRANT fanout_writer TO fanout_cdc")
        found = granted(connection) - documented()
    assert "fanout_cdc: INSERT ON table notifications" in found
    assert "fanout_cdc: UPDATE (title) ON table notifications" in found
    assert "fanout_cdc: USAGE ON sequence notifications_id_seq" in found


@pytest.mark.parametrize(
    "lost",
    [
        "fanout_cdc: DELETE ON table fanout_heartbeat",
        "fanout_writer: SELECT ON table projects",
        "fanout_writer: UPDATE (title) ON table notifications",
        "fanout_operator: INSERT (note) ON table fanout_replays",
        "fanout_operator: SELECT ON view fanout_queue",
        "fanout_writer: USAGE ON sequence pending_emails_id_seq",
        "PUBLIC: EXECUTE ON function can_view(uuid,uuid)",
    ],
)
def test_control_a_right_that_the_document_names_and_nobody_granted_is_found(
    database: Database, lost: str
) -> None:
    with database.connect() as connection:
        revoke(connection, lost)
        missing = documented() - granted(connection)
    assert lost in missing
    # Without the right of PUBLIC five roles have none. The writer and the operator have their own.
    assert len(missing) == (6 if lost.startswith("PUBLIC") else 1)


def test_the_roles_have_no_attribute_own_nothing_and_are_in_no_other_role(
    database: Database,
) -> None:
    with database.connect() as connection:
        assert beyond_rights(connection) == {"fanout_cdc replicates"}


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("ALTER ROLE fanout_writer LOGIN", "fanout_writer logs in"),
        ("ALTER ROLE fanout_writer SUPERUSER", "fanout_writer is a superuser"),
        ("ALTER ROLE fanout_operator CREATEROLE", "fanout_operator makes roles"),
        ("ALTER ROLE fanout_operator CREATEDB", "fanout_operator makes databases"),
        ("ALTER ROLE fanout_writer BYPASSRLS", "fanout_writer gets past row security"),
        ("ALTER ROLE fanout_writer REPLICATION", "fanout_writer replicates"),
        ("GRANT pg_read_all_data TO fanout_cdc", "fanout_cdc is in pg_read_all_data"),
        ("ALTER TABLE orgs OWNER TO fanout_writer", "fanout_writer owns table orgs"),
        (
            "ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO fanout_cdc",
            "what is made later is granted to fanout_cdc",
        ),
        (
            "ALTER VIEW fanout_queue RESET (security_invoker)",
            "fanout_queue shows what its owner may see",
        ),
        (
            "ALTER VIEW fanout_queue SET (security_invoker = off)",
            "fanout_queue shows what its owner may see",
        ),
    ],
)
def test_control_what_a_role_is_beyond_its_rights_is_found(
    database: Database, statement: str, found: str
) -> None:
    # Roles belong to the cluster: other tests must not see this one.
    with database.connect() as connection, connection.transaction(force_rollback=True):
        connection.execute(statement.encode())
        assert beyond_rights(connection) - {"fanout_cdc replicates"} == {found}


@pytest.mark.parametrize("role", ROLES)
def test_what_a_cell_names_works_and_everything_else_is_refused(
    database: Database, role: str
) -> None:
    own = {line for line in documented() if re.match(rf"{role}: .+ ON table ", line)}
    with database.connect() as connection:
        works, named = attempted(connection, role), by_column(connection, own)
    assert sorted(works - named) == []
    assert sorted(named - works) == []


def test_control_with_every_right_everything_works_but_what_takes_the_owner(
    database: Database,
) -> None:
    with database.connect() as connection:
        connection.execute(
            "GRANT USAGE ON SCHEMA auth, fanout, activity TO fanout_cdc;"
            "GRANT ALL ON ALL TABLES IN SCHEMA public, auth, fanout, activity TO fanout_cdc"
        )
        works = attempted(connection, "fanout_cdc")
        tables = {table for table, _ in connection.execute(COLUMNS)}
    tried = {re.sub(r"fanout_cdc: | \(.*\)", "", line) for line in works}
    assert tried == {
        f"{verb} ON table {table}" for verb in ATTEMPTS if verb != "ownership" for table in tables
    }


@pytest.mark.parametrize("role", [PRODUCER, BROADCASTER])
def test_who_asks_for_something_may_do_what_the_document_lists_and_nothing_else(
    database: Database, role: str
) -> None:
    (rows,) = [rows for head, *rows in tables_of_document() if head[0] == f"of `{role}`"]
    listed = {
        f"{right} ON {name}"
        for rights, names in rows
        for right in rights_in(rights)
        for name in names_in(names)
    }
    with database.connect() as connection:
        lines = granted(connection, [role, "PUBLIC"])
        tried = attempted(connection, role)
    own, everyone = (
        {line.partition(": ")[2] for line in lines if line.startswith(f"{who}: ")}
        for who in (role, "PUBLIC")
    )
    assert own - everyone == listed
    assert tried == {f"{role}: {line}" for line in listed if " ON table " in line}


def test_every_file_of_statements_is_run_by_a_role() -> None:
    roles = (*ROLES, REACTIONS, JOBS_OF_REACTIONS, PRODUCER, BROADCASTER)
    known = {path for role in roles for path in files_of(role)}
    known |= {path for folder in OF_REACTIONS for path in (ROOT / folder / "sql").glob("*.sql")}
    assert set((ROOT / "pipeline").rglob("*.sql")) == known


@pytest.mark.parametrize("role", ROLES)
def test_each_role_may_run_every_statement_that_it_runs(database: Database, role: str) -> None:
    with database.connect() as connection:
        assert [each for each in statements(role) if is_refused(connection, role, each)] == []


def test_control_a_statement_that_lacks_a_right_is_found(database: Database) -> None:
    with database.connect() as connection:
        revoke(connection, "fanout_writer: UPDATE (payload) ON table notifications")
        refused = [
            each
            for each in statements("fanout_writer")
            if is_refused(connection, "fanout_writer", each)
        ]
    assert len(refused) == 1
    assert refused[0].startswith(b"-- Write a batch of outcomes")


@pytest.mark.parametrize("role", ROLES)
def test_a_right_that_no_statement_needs_is_named_as_such(database: Database, role: str) -> None:
    """Revoke each right in turn. If no statement is then refused, none needs the right."""
    spare = set()
    with database.connect() as connection:
        for line in documented():
            # EXPLAIN does not check rights on sequences and functions.
            if re.match(rf"{role}: .+ ON (table|view) ", line) is None:
                continue
            with connection.transaction(force_rollback=True):
                revoke(connection, line)
                if not any(is_refused(connection, role, each) for each in statements(role)):
                    spare.add(re.sub(" ON (table|view) ", " ON ", line))
    assert spare == {line for line in documented_as_spare() if line.startswith(f"{role}: ")}
