-- The threads of a batch. In: [id].
SELECT thread.id, thread.topic, thread.project_id
FROM jsonb_array_elements_text(%(asked)s) AS asked (id)
JOIN public.chat_threads AS thread ON thread.id = asked.id::uuid
