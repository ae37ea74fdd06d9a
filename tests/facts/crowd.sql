-- The rows of an application after some years. Each id is a number, written as a UUID.
-- Foreign keys are valid by construction. Checking them would take most of the time.
SET session_replication_role = replica;

CREATE FUNCTION id(number bigint) RETURNS uuid LANGUAGE sql IMMUTABLE
RETURN lpad(to_hex(number), 32, '0')::uuid;

INSERT INTO profiles (id, email, app_role)
SELECT id(n), n || '@x.test', 'borrower' FROM generate_series(1, 19999) AS n;

INSERT INTO orgs (id, name, entity_type)
SELECT id(n), 'Acme', 'borrower' FROM generate_series(0, 1999) AS n;

-- Ten people in each organisation, two of them owners.
INSERT INTO org_members (org_id, user_id, role)
SELECT id(n / 10), id(n), CASE WHEN n % 10 < 2 THEN 'owner' ELSE 'member' END
FROM generate_series(0, 19999) AS n;

INSERT INTO projects (id, name, owner_org_id)
SELECT id(n), 'Tower', id(n / 5) FROM generate_series(0, 9999) AS n;

INSERT INTO project_access_grants (project_id, org_id, user_id, granted_by)
SELECT id(n / 10), id(n / 50), id(n * 7 % 20000), id(0) FROM generate_series(0, 59999) AS n;

-- Twenty documents and folders in each project, five levels deep.
INSERT INTO resources (id, org_id, project_id, parent_id, resource_type, name)
SELECT id(n), id(n / 100), id(n / 20), CASE WHEN n % 20 > 0 THEN id(n / 20 * 20 + n % 20 / 2) END,
       'FOLDER', n
FROM generate_series(0, 59999) AS n;

INSERT INTO permissions (resource_id, user_id, permission, granted_by)
SELECT id(n), id(n / 20 * 70 % 20000), 'view', id(0) FROM generate_series(0, 59999) AS n;

INSERT INTO chat_threads (id, project_id, topic)
SELECT id(n), id(n / 2), 'General' FROM generate_series(0, 19999) AS n;

INSERT INTO chat_thread_participants (thread_id, user_id)
SELECT id(n / 10), id(n * 7 % 20000) FROM generate_series(0, 59999) AS n;

INSERT INTO meetings (id, title, start_time, end_time, duration_minutes, organizer_id)
SELECT id(n), 'Kick', now(), now(), 30, id(0) FROM generate_series(0, 19999) AS n;

INSERT INTO meeting_participants (meeting_id, user_id)
SELECT id(n / 5), id(n * 7 % 20000) FROM generate_series(0, 59999) AS n;

INSERT INTO user_notification_preferences
    (user_id, scope_type, scope_id, event_type, channel, status)
SELECT id(n / 5), 'project', id(n % 5), '*', 'in_app', 'muted'
FROM generate_series(0, 59999) AS n;

-- Every tenth event is a nudge; one in ten of these has a twin.
INSERT INTO domain_events (event_type, project_id, payload)
SELECT CASE WHEN n % 10 = 0 THEN 'resume_incomplete_nudge' ELSE 'document_uploaded' END,
       id(n / 20),
       CASE
           WHEN n % 10 = 0 THEN jsonb_build_object(
               'type', 'resume_incomplete_nudge', 'user_id', id(n / 1000 * 10),
               'resume_type', 'project', 'completion_percent', 40,
               'nudge_tier', CASE WHEN n % 100 = 0 THEN 1 ELSE n / 10 % 4 + 1 END)
           ELSE '{"fileName": "a.pdf"}'
       END
FROM generate_series(0, 59999) AS n;

INSERT INTO notification_processing (event_id, processing_status)
SELECT id, 'completed' FROM domain_events WHERE id % 2 = 0;

INSERT INTO notifications (user_id, event_id, kind, title, payload)
SELECT id(n / 1000 * 10), n + 1,
       CASE WHEN n % 10 = 0 THEN 'resume_incomplete_nudge' ELSE 'document_uploaded' END, 'told',
       CASE
           WHEN n % 10 = 0
           THEN event.payload || jsonb_build_object('project_id', event.project_id)
           ELSE '{}'
       END
FROM generate_series(0, 59999) AS n
JOIN domain_events AS event ON event.id = n + 1;

INSERT INTO pending_emails (user_id, event_id, event_type, delivery_type, subject, body_data)
SELECT user_id, event_id, kind, 'immediate', 'told', '{}' FROM notifications;

RESET session_replication_role;
ANALYZE;
