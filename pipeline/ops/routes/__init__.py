"""Routes of events of reactions: list them, add one, remove one."""
