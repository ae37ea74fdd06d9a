-- Scheduled jobs: their role, and the ledger of their runs.

-- As in kernel/0001: roles belong to the cluster.
DO $$
BEGIN
    IF to_regrole('fanout_jobs') IS NULL THEN
        CREATE ROLE fanout_jobs NOLOGIN;
    END IF;
EXCEPTION
    WHEN duplicate_object OR unique_violation THEN
        NULL;
    WHEN insufficient_privilege THEN
        RAISE EXCEPTION '% may not create the role fanout_jobs', current_user
        USING HINT =
            'have an administrator run CREATE ROLE fanout_jobs NOLOGIN; then run migrate again';
END
$$;

-- One row for each run. A tick that is delivered again names the run that is there already.
CREATE TABLE fanout.job_runs (
    job             text NOT NULL,
    scheduled_for   timestamptz NOT NULL,
    sequence        bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    as_of           timestamptz NOT NULL,
    requested_by    text NOT NULL CHECK (requested_by IN ('tick', 'person')),
    changed         jsonb,
    created_at      timestamptz NOT NULL DEFAULT now(),
    state           text NOT NULL DEFAULT 'pending' CHECK (state IN (
        'pending', 'leased', 'waiting', 'paused', 'done', 'dead', 'cancelled', 'expired')),
    next_attempt_at timestamptz NOT NULL DEFAULT now(),
    lease_token     uuid,
    attempts        int NOT NULL DEFAULT 0,
    failures        int NOT NULL DEFAULT 0,
    cursor          text,
    scanned         bigint NOT NULL DEFAULT 0,
    due             bigint NOT NULL DEFAULT 0,
    emitted         bigint NOT NULL DEFAULT 0,
    skipped         bigint NOT NULL DEFAULT 0,
    failed          bigint NOT NULL DEFAULT 0,
    started_at      timestamptz,
    finished_at     timestamptz,
    error_class     text,
    reason          text,
    PRIMARY KEY (job, scheduled_for),
    CHECK ((state = 'leased') = (lease_token IS NOT NULL)),
    CHECK ((state IN ('done', 'dead', 'cancelled', 'expired')) = (finished_at IS NOT NULL))
);

COMMENT ON COLUMN fanout.job_runs.scheduled_for IS
    'the instant of the schedule; of a run by hand, when it was asked for';
COMMENT ON COLUMN fanout.job_runs.as_of IS
    'the time that counts as now for what is due';
COMMENT ON COLUMN fanout.job_runs.changed IS
    'parameters that a person gave for this run; NULL for those of the job';
COMMENT ON COLUMN fanout.job_runs.next_attempt_at IS
    'when it may be taken: when it is due, when it is tried again, or when its lease ends';
COMMENT ON COLUMN fanout.job_runs.attempts IS
    'all tries; failures are those that count, and after which it is tried later and later';
COMMENT ON COLUMN fanout.job_runs.cursor IS
    'of the last page that is done: where the next try goes on';
COMMENT ON COLUMN fanout.job_runs.started_at IS
    'of the last try; the earlier ones are in fanout.attempts, with the source job_runs';
COMMENT ON COLUMN fanout.job_runs.reason IS
    'why it failed last or was cancelled, in words; never a value of a row';

CREATE INDEX job_runs_to_do_idx ON fanout.job_runs (next_attempt_at, sequence)
    WHERE state IN ('pending', 'waiting', 'leased');
-- A job never overlaps itself.
CREATE UNIQUE INDEX job_runs_one_at_a_time_key ON fanout.job_runs (job) WHERE state = 'leased';
CREATE INDEX job_runs_done_idx ON fanout.job_runs (job, finished_at) WHERE state = 'done';

GRANT USAGE ON SCHEMA public, fanout TO fanout_jobs;
GRANT SELECT, INSERT (job, scheduled_for, as_of, requested_by, changed), UPDATE (
    state, next_attempt_at, lease_token, attempts, failures, cursor,
    scanned, due, emitted, skipped, failed, started_at, finished_at, error_class, reason
) ON fanout.job_runs TO fanout_jobs;
GRANT SELECT ON fanout.job_runs TO fanout_operator;
GRANT INSERT ON fanout.attempts TO fanout_jobs;
GRANT SELECT ON fanout.switches, public.fanout_migrations TO fanout_jobs;
-- A run that is dead becomes a dead letter.
GRANT SELECT, INSERT, UPDATE (
    event_type, stage, error_class, message, fingerprint, attempt, data, attributes,
    pipeline_version, last_seen_at, resolved_at, resolution
) ON public.event_dead_letters TO fanout_jobs;

-- As in 0009: the grants say which verbs a role has, the policies that no row is hidden from it.
CREATE POLICY fanout_jobs ON public.event_dead_letters TO fanout_jobs
    USING (true) WITH CHECK (true);
CREATE POLICY fanout_jobs ON public.fanout_migrations TO fanout_jobs
    USING (true) WITH CHECK (true);
