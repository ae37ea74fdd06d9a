-- One event, with the names of its actor, project and thread. In: its id.
SELECT event.id, event.event_type AS type, event.created_at,
       -- Servers before 17 refuse an infinite difference.
       now() - readable.created_at AS age,
       event.actor_id, coalesce(nullif(actor.full_name, ''), actor.email) AS actor_name,
       event.project_id, project.name AS project_name,
       event.thread_id, thread.topic AS thread_topic,
       -- Retention may have deleted its ledger row: see migrations/0025_retention_marks.sql.
       coalesce(event.created_at < (
           SELECT created_before
           FROM fanout.retention_marks
           WHERE last_event_id >= event.id
           ORDER BY last_event_id
           LIMIT 1
       ), false) AS is_past
FROM public.domain_events AS event
CROSS JOIN LATERAL (
    SELECT least(
        greatest(event.created_at, '0001-01-02 00:00:00+00'), '9999-12-30 00:00:00+00'
    ) AS created_at
) AS readable
LEFT JOIN public.profiles AS actor ON actor.id = event.actor_id
LEFT JOIN public.projects AS project ON project.id = event.project_id
LEFT JOIN public.chat_threads AS thread ON thread.id = event.thread_id
WHERE event.id = %(event)s
