-- Verified people who know something of what is needed, those who know most of it first.
-- In: asked, [{number, expertise, asking, most}].
SELECT asked.number, found.id
FROM jsonb_to_recordset(%(asked)s::jsonb) AS asked (
    number int, expertise text[], asking uuid, most int
)
CROSS JOIN LATERAL (
    SELECT
        person.id,
        (
            SELECT count(*)
            FROM unnest(person.expertise) AS known
            WHERE known = ANY (asked.expertise)
        ) AS matches
    FROM reactions.users AS person
    WHERE person.verified
        AND person.expertise && asked.expertise
        AND person.id IS DISTINCT FROM asked.asking
    ORDER BY matches DESC, person.id
    LIMIT asked.most
) AS found
ORDER BY asked.number, found.matches DESC, found.id
