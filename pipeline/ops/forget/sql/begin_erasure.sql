-- Records that an erasure begins. Defaults of the columns hold the login and the time.
INSERT INTO fanout.erasures (person_sha256)
VALUES (%(person_sha256)s)
RETURNING id
