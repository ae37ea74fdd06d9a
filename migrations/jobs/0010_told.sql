-- What the scheduled jobs have emitted already: the keys that keep an event from being emitted twice.

-- A row is written in the statement that emits its event, and only where there is none yet. The
-- tables have no foreign keys: a deletion in the application must not wait for them.

-- The start is in the key, so that people are reminded again of a meeting that was moved.
CREATE TABLE fanout.meeting_reminders (
    meeting_id   uuid NOT NULL,
    user_id      uuid NOT NULL,
    start_time   timestamptz NOT NULL,
    lead_minutes int NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (meeting_id, user_id, start_time, lead_minutes)
);

COMMENT ON COLUMN fanout.meeting_reminders.lead_minutes IS
    'the lead time that the job was set to; the event has the real one';

CREATE TABLE fanout.thread_nudges (
    thread_id         uuid NOT NULL,
    user_id           uuid NOT NULL,
    latest_message_at timestamptz NOT NULL,
    created_at        timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (thread_id, user_id, latest_message_at)
);

CREATE TABLE fanout.resume_nudges (
    user_id     uuid NOT NULL,
    project_id  uuid NOT NULL,
    resume_type text NOT NULL CHECK (resume_type IN ('project', 'borrower')),
    anchor      timestamptz NOT NULL,
    tier        int NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, project_id, resume_type, anchor, tier)
);

COMMENT ON COLUMN fanout.resume_nudges.anchor IS
    'the newest edit of the resume by anybody, or else the creation of the project';

GRANT SELECT, INSERT (meeting_id, user_id, start_time, lead_minutes)
    ON fanout.meeting_reminders TO fanout_jobs;
GRANT SELECT, INSERT (thread_id, user_id, latest_message_at)
    ON fanout.thread_nudges TO fanout_jobs;
GRANT SELECT, INSERT (user_id, project_id, resume_type, anchor, tier)
    ON fanout.resume_nudges TO fanout_jobs;
