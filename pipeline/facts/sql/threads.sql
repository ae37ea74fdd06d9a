-- The threads of a batch. In: [id].
SELECT thread.id, thread.topic, thread.project_id
FROM jsonb_array_elements_text(%(asked)s) AS asked (id)
CROSS JOIN LATERAL (
    SELECT id, topic, project_id FROM public.chat_threads WHERE id = asked.id::uuid OFFSET 0
) AS thread
