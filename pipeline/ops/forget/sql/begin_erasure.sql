-- Records that an erasure begins, where the database has the fan-out. Defaults of the columns hold the login and the time.
INSERT INTO fanout.erasures (person_sha256)
VALUES (%(person_sha256)s)
RETURNING id
