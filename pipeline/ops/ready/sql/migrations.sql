-- The files that migrate applied to this database.
SELECT name FROM public.fanout_migrations
