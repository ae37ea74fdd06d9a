-- Records that an action begins. In: id, who, identity, action, target.
INSERT INTO fanout.audit (id, who, identity, action, target)
VALUES (%(id)s, %(who)s, %(identity)s, %(action)s, %(target)s)
ON CONFLICT (id) DO NOTHING
