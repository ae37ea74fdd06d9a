"""Google Calendar: refresh a grant, watch a calendar, stop a channel."""
