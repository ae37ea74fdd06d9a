-- How far an event with very many recipients has got: they are told in pages, by user id.

-- {the last user id of the page before, or NULL; the last user id of this one}. A page is written only
-- where the one before it was the last that was: each once, in their order, whoever writes them. The
-- state is 'processing' until the last page, which makes it final. NULL for all other events.
ALTER TABLE public.notification_processing ADD COLUMN IF NOT EXISTS told uuid[];

COMMENT ON COLUMN public.notification_processing.told IS
    'of an event that is told in pages: where the last page written began and ended';

GRANT UPDATE (told) ON public.notification_processing TO fanout_writer;
