-- Whoever left digests still gets links to sign in: the sender has to know why an address is suppressed.
GRANT SELECT (reason) ON fanout.suppressions TO fanout_sender;
