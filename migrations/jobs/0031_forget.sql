-- What the command forget may delete of the scheduled jobs' tables.

GRANT SELECT, DELETE
    ON fanout.meeting_reminders, fanout.thread_nudges, fanout.resume_nudges TO fanout_operator;
