"""Lists events, the newest first, and reads one."""
