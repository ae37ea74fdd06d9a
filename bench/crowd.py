"""Any number of threads, meetings and projects. A part of each is due at ``NOW``."""

from datetime import UTC, datetime
from typing import Any, Final

import psycopg

NOW: Final = datetime(2026, 3, 2, 18, tzinfo=UTC)

# One of five participants has not read a thread for hours; every third thread is too old. One of
# five meetings begins soon. One of five projects was last edited days ago; it has two owners.
_CROWD: Final = """
    SET session_replication_role = replica;

    CREATE FUNCTION pg_temp.id(number bigint) RETURNS uuid LANGUAGE sql IMMUTABLE
    RETURN lpad(to_hex(number), 32, '0')::uuid;

    INSERT INTO auth.users (id) SELECT pg_temp.id(n) FROM generate_series(1, 1000) AS n;
    INSERT INTO profiles (id, email, app_role)
    SELECT pg_temp.id(n), n || '@crowd.test', 'borrower' FROM generate_series(1, 1000) AS n;

    INSERT INTO orgs (id, name, entity_type)
    SELECT pg_temp.id(n), 'Acme', 'borrower' FROM generate_series(0, %(number)s / 3) AS n;
    INSERT INTO org_members (org_id, user_id, role)
    SELECT pg_temp.id(n / 3), pg_temp.id(n %% 1000 + 1),
           CASE WHEN n %% 3 = 0 THEN 'member' ELSE 'owner' END
    FROM generate_series(0, %(number)s + 2) AS n;
    INSERT INTO projects (id, name, owner_org_id, created_at)
    SELECT pg_temp.id(n), 'Tower', pg_temp.id(n / 3), %(now)s::timestamptz - CASE
        WHEN n %% 5 = 0 THEN make_interval(hours => 25 + (n %% 280)::int)
        ELSE interval '200 days'
    END
    FROM generate_series(1, %(number)s) AS n;
    INSERT INTO resources (id, org_id, project_id, resource_type, name, current_version_id)
    SELECT gen_random_uuid(), pg_temp.id(n / 3), pg_temp.id(n), kind || '_RESUME', 'Resume',
           pg_temp.id(n)
    FROM generate_series(1, %(number)s) AS n, unnest(ARRAY['PROJECT', 'BORROWER']) AS kind;
    INSERT INTO project_resumes (id, project_id, version_number, completeness_percent)
    SELECT pg_temp.id(n), pg_temp.id(n), 1, n %% 100 FROM generate_series(1, %(number)s) AS n;
    INSERT INTO borrower_resumes (id, project_id, version_number, completeness_percent)
    SELECT pg_temp.id(n), pg_temp.id(n), 1, n %% 100 FROM generate_series(1, %(number)s) AS n;
    INSERT INTO project_workspace_activity (user_id, project_id, last_visited_at)
    SELECT pg_temp.id(n %% 1000 + 1), pg_temp.id(n), now()
    FROM generate_series(1, %(number)s) AS n;

    INSERT INTO chat_threads (id, project_id, topic)
    SELECT pg_temp.id(n), pg_temp.id(n), 'General' FROM generate_series(1, %(number)s) AS n;
    INSERT INTO chat_thread_participants (thread_id, user_id, created_at, last_read_at)
    SELECT pg_temp.id(n), pg_temp.id((n + person * 7) %% 1000 + 1), '2020-01-01',
           CASE WHEN person = 0 THEN '1970-01-01'::timestamptz ELSE %(now)s::timestamptz END
    FROM generate_series(1, %(number)s) AS n, generate_series(0, 4) AS person;
    INSERT INTO project_messages (thread_id, user_id, content, created_at)
    SELECT pg_temp.id(n), pg_temp.id((n + 28) %% 1000 + 1), 'hi', %(now)s::timestamptz - CASE
        WHEN n %% 3 = 0 THEN interval '100 days'
        ELSE interval '4 hours'
    END - make_interval(secs => message)
    FROM generate_series(1, %(number)s) AS n, generate_series(0, 2) AS message;
    INSERT INTO user_notification_preferences
        (user_id, scope_type, scope_id, event_type, channel, status)
    SELECT pg_temp.id(n %% 1000 + 1), 'project', pg_temp.id(n / 2), '*', 'in_app', 'muted'
    FROM generate_series(1, %(number)s) AS n;

    INSERT INTO meetings (id, title, start_time, end_time, duration_minutes, organizer_id)
    SELECT pg_temp.id(n), 'Kick', start, start, 30, pg_temp.id(1)
    FROM generate_series(1, %(number)s) AS n, LATERAL (
        SELECT %(now)s::timestamptz + CASE
            WHEN n %% 5 = 0 THEN make_interval(mins => 1 + (n %% 30)::int)
            ELSE make_interval(days => (n %% 365)::int - 180)
        END AS start
    ) AS starting;
    INSERT INTO meeting_participants (meeting_id, user_id)
    SELECT pg_temp.id(n), pg_temp.id((n + person * 7) %% 1000 + 1)
    FROM generate_series(1, %(number)s) AS n, generate_series(0, 2) AS person;

    -- What was told of earlier messages, meetings and edits.
    INSERT INTO domain_events (event_type, project_id, payload)
    SELECT 'resume_incomplete_nudge', pg_temp.id(n), jsonb_build_object(
        'type', 'resume_incomplete_nudge', 'user_id', pg_temp.id(n %% 1000 + 1),
        'project_id', pg_temp.id(n), 'resume_type', 'project', 'nudge_tier', 1)
    FROM generate_series(1, %(number)s) AS n;
    INSERT INTO notifications (user_id, event_id, title, payload, created_at)
    SELECT (payload ->> 'user_id')::uuid, id, 'told', payload, '2020-01-01' FROM domain_events;
    INSERT INTO fanout.meeting_reminders (meeting_id, user_id, start_time, lead_minutes)
    SELECT meeting_id, user_id, '2020-01-01', 30 FROM meeting_participants;
    INSERT INTO meeting_reminders_sent (meeting_id, user_id, reminder_type, sent_at)
    SELECT meeting_id, user_id, '30min', '2020-01-01' FROM meeting_participants;
    INSERT INTO fanout.thread_nudges (thread_id, user_id, latest_message_at)
    SELECT thread_id, user_id, '2020-01-01' FROM chat_thread_participants;
    INSERT INTO unread_thread_stale_log (thread_id, user_id, latest_message_at)
    SELECT thread_id, user_id, '2020-01-01' FROM chat_thread_participants;
    INSERT INTO fanout.resume_nudges (user_id, project_id, resume_type, anchor, tier)
    SELECT user_id, project_id, 'project', '2020-01-01', 4 FROM project_workspace_activity;

    RESET session_replication_role;
"""


def crowd(connection: psycopg.Connection[Any], number: int, *, analyze: bool = True) -> None:
    """Insert ``number`` threads of five participants, meetings of three, and projects.

    Args:
        connection: in autocommit, as the owner of the tables.
        number: of each.
        analyze: whether Postgres knows how many there are.
    """
    with psycopg.ClientCursor(connection) as cursor:
        cursor.execute(_CROWD.encode(), {"number": number, "now": NOW})
    if analyze:
        connection.execute("ANALYZE")
