from collections.abc import Iterator

import psycopg
import pytest

from tests.databases import Database

IDA = "a0000000-0000-4000-8000-000000000001"
THREAD = "7e000000-0000-4000-8000-000000000001"


@pytest.fixture
def connection(database: Database) -> Iterator[psycopg.Connection]:
    """A connection to a database with one person and two events."""
    with database.connect() as connection:
        connection.execute("INSERT INTO auth.users (id) VALUES (%s)", [IDA])
        connection.execute(
            "INSERT INTO public.profiles (id, email, app_role) VALUES (%s, %s, 'borrower')",
            [IDA, "ida@example.test"],
        )
        connection.execute("INSERT INTO public.domain_events (event_type) VALUES ('a'), ('b')")
        yield connection


def notify(
    connection: psycopg.Connection,
    event_id: int,
    *,
    kind: str | None = None,
    thread_id: str | None = None,
) -> None:
    connection.execute(
        "INSERT INTO public.notifications (user_id, event_id, title, kind, counter_thread_id) "
        "VALUES (%s, %s, 'hello', %s, %s)",
        [IDA, event_id, kind, thread_id],
    )


def test_a_person_hears_of_an_event_once_per_kind(connection: psycopg.Connection) -> None:
    notify(connection, 1, kind="mention")
    notify(connection, 1, kind="other")
    notify(connection, 2, kind="mention")
    with pytest.raises(psycopg.errors.UniqueViolation, match="notifications_event_user_kind_key"):
        notify(connection, 1, kind="mention")


def test_rows_that_the_application_writes_itself_never_meet_our_key(
    connection: psycopg.Connection,
) -> None:
    for _ in range(2):
        notify(connection, 1)
    assert connection.execute("SELECT count(*) FROM public.notifications").fetchone() == (2,)


def test_a_thread_has_one_open_counter_per_person_until_it_is_read(
    connection: psycopg.Connection,
) -> None:
    notify(connection, 1, thread_id=THREAD)
    with pytest.raises(psycopg.errors.UniqueViolation, match="notifications_open_counter_key"):
        notify(connection, 2, thread_id=THREAD)
    connection.execute("UPDATE public.notifications SET read_at = now()")
    notify(connection, 2, thread_id=THREAD)


def test_deleting_an_event_takes_its_decisions_but_not_its_dead_letter(
    connection: psycopg.Connection,
) -> None:
    connection.execute(
        "INSERT INTO public.notification_decisions (event_id, user_id, channel, reason) "
        "VALUES (1, %s, 'email', 'actor')",
        [IDA],
    )
    connection.execute(
        "INSERT INTO public.event_dead_letters "
        "(letter_key, event_id, stage, error_class, message, fingerprint) "
        "VALUES ('event:1', 1, 'decide', 'HandlerFailed', 'a bug', 'f00d')"
    )
    connection.execute("DELETE FROM public.domain_events WHERE id = 1")
    remaining = connection.execute(
        "SELECT (SELECT count(*) FROM public.notification_decisions), "
        "(SELECT count(*) FROM public.event_dead_letters)"
    ).fetchone()
    assert remaining == (0, 1)


@pytest.fixture
def documents(connection: psycopg.Connection) -> psycopg.Connection:
    """A file in a folder in a root folder of an organisation that Ida does not own."""
    connection.execute(
        """
        INSERT INTO public.orgs (id, name, entity_type)
        VALUES ('0b000000-0000-4000-8000-000000000001', 'Quay Partners', 'borrower');
        INSERT INTO public.resources (id, org_id, parent_id, resource_type, name) VALUES
            ('d0000000-0000-4000-8000-000000000001', '0b000000-0000-4000-8000-000000000001',
             NULL, 'FOLDER', 'root'),
            ('d0000000-0000-4000-8000-000000000002', '0b000000-0000-4000-8000-000000000001',
             'd0000000-0000-4000-8000-000000000001', 'FOLDER', 'plans'),
            ('d0000000-0000-4000-8000-000000000003', '0b000000-0000-4000-8000-000000000001',
             'd0000000-0000-4000-8000-000000000002', 'FILE', 'site-plan.pdf');
        """
    )
    return connection


@pytest.mark.parametrize(
    ("on_root", "on_folder", "on_file", "effective"),
    [
        (None, None, None, None),
        ("view", None, None, "view"),
        ("view", "edit", None, "edit"),
        ("edit", "none", None, None),
        ("none", "none", "view", "view"),
        ("edit", "edit", "none", None),
    ],
)
def test_the_nearest_permission_on_the_way_up_decides(
    documents: psycopg.Connection,
    on_root: str | None,
    on_folder: str | None,
    on_file: str | None,
    effective: str | None,
) -> None:
    for number, permission in enumerate((on_root, on_folder, on_file), start=1):
        if permission is not None:
            documents.execute(
                "INSERT INTO public.permissions (resource_id, user_id, permission, granted_by) "
                "VALUES (%s, %s, %s, %s)",
                [f"d0000000-0000-4000-8000-00000000000{number}", IDA, permission, IDA],
            )
    file = "d0000000-0000-4000-8000-000000000003"
    found = documents.execute(
        "SELECT public.get_effective_permission(%(user)s, %(file)s), "
        "public.can_view(%(user)s, %(file)s)",
        {"user": IDA, "file": file},
    ).fetchone()
    assert found == (effective, effective is not None)


def test_an_owner_may_edit_whatever_the_permissions_say(documents: psycopg.Connection) -> None:
    documents.execute(
        "INSERT INTO public.org_members (org_id, user_id, role) "
        "SELECT id, %s, 'owner' FROM public.orgs",
        [IDA],
    )
    documents.execute(
        "INSERT INTO public.permissions (resource_id, user_id, permission, granted_by) "
        "SELECT id, %(user)s, 'none', %(user)s FROM public.resources",
        {"user": IDA},
    )
    found = documents.execute(
        "SELECT DISTINCT public.get_effective_permission(%s, id) FROM public.resources", [IDA]
    ).fetchall()
    assert found == [("edit",)]


def test_nobody_can_view_what_does_not_exist(connection: psycopg.Connection) -> None:
    found = connection.execute(
        "SELECT public.can_view(%(user)s, %(file)s), public.can_view(%(user)s, NULL)",
        {"user": IDA, "file": THREAD},
    ).fetchone()
    assert found == (False, False)
