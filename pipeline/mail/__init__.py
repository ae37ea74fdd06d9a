"""What a mail says: a queued row or a payload in, subject, HTML and text out. Pure.

``compose`` is the way in. What is said of an event type is one file in ``words``; a mail that no
event causes is one file in ``transactional``; ``templates`` holds the one layout of all of them.
"""
