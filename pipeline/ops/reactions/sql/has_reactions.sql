-- Whether the database has the family reactions.
SELECT to_regclass('fanout.reactions') IS NOT NULL AS has_reactions
