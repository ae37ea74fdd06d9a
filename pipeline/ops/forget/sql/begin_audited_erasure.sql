-- Records that an erasure begins, where the database has no fan-out and so no fanout.erasures.
INSERT INTO fanout.audit (id, who, identity, action, target)
VALUES (
    gen_random_uuid(), session_user, 'login', 'forget',
    'person_sha256=' || %(person_sha256)s::text
)
RETURNING id
