"""retention: delete rows that were kept long enough. All periods are here."""

from typing import Final

from pipeline.jobs.job import Job, Period, Retention
from pipeline.jobs.schedule import Schedule

LEDGER: Final = Period(
    table="notification_processing",
    parameter="ledger_days",
    days=90,
    at_least=7,
    why="no transaction is open for a week, so no event commits below the mark; the mark stops"
    " at the first event without a final state",
    statements=("delete_ledger_rows", "move_mark"),
    oldest_first=True,
)

# Comes with all that retention of mail relies on: without it, a deleted mail could be queued again.
_WITH_MAIL: Final = "fanout.dedupe_keys"
OF_MAIL: Final = (
    Period(
        table="fanout.attempts of deliveries",
        parameter="delivery_attempts_days",
        days=30,
        at_least=1,
        why="used to look into failures; an attempt at an unfinished delivery stays",
        statements=("delete_attempts",),
        only="deliveries",
        needs="fanout.deliveries",
    ),
    Period(
        table="fanout.delivery_bodies",
        parameter="bodies_days",
        days=7,
        at_least=1,
        why="counted from the end of the mail, after which nothing is sent again",
        statements=("delete_bodies",),
        needs=_WITH_MAIL,
        oldest_first=True,
    ),
    Period(
        table="fanout.batch_requests",
        parameter="batch_requests_days",
        days=7,
        at_least=1,
        why="counted from the end of the last mail of the request, which is repeated whole",
        statements=("delete_batch_requests",),
        needs=_WITH_MAIL,
        oldest_first=True,
    ),
    Period(
        table="fanout.deliveries",
        parameter="deliveries_days",
        days=90,
        at_least=7,
        why="people ask for some weeks what was sent to them; a mail stays while its row in"
        " pending_emails could be sent again",
        statements=("delete_deliveries",),
        needs=_WITH_MAIL,
        oldest_first=True,
    ),
    Period(
        table="fanout.provider_reports",
        parameter="provider_reports_days",
        days=90,
        at_least=30,
        why="a provider repeats a report for some days; one that is gone would count again",
        statements=("delete_reports",),
        needs=_WITH_MAIL,
        oldest_first=True,
    ),
)

# A row that can keep another one comes before it: exemptions and letters before the ledger.
PERIODS: Final = (
    Period(
        table="notification_decisions",
        parameter="decisions_days",
        days=90,
        at_least=7,
        why="people ask for some weeks why they got nothing; later, why cannot say it",
        statements=("delete_decisions",),
        oldest_first=True,
    ),
    Period(
        table="event_dead_letters",
        parameter="dead_letters_days",
        days=90,
        at_least=1,
        why="counted from when a letter was resolved; an open letter stays",
        statements=("delete_letters",),
    ),
    Period(
        table="fanout.age_exemptions",
        parameter="exemptions_days",
        days=30,
        at_least=1,
        why="a replay may still run; an exemption stays while its event is not final",
        statements=("delete_exemptions",),
    ),
    LEDGER,
    Period(
        table="fanout.attempts",
        parameter="attempts_days",
        days=30,
        at_least=1,
        why="used to look into failures; an attempt at an unfinished record stays",
        statements=("delete_attempts",),
        only="others",
    ),
    Period(
        table="fanout.job_runs",
        parameter="job_runs_days",
        days=90,
        at_least=32,
        why="Pub/Sub can keep a tick for 31 days, and a tick whose run is gone would run again;"
        " unfinished runs stay, and the last finished run of each job",
        statements=("delete_job_runs",),
    ),
    Period(
        table="fanout_replays",
        parameter="replays_days",
        days=365,
        at_least=30,
        why="audits ask who replayed what; a replay with an exemption stays",
        statements=("delete_replays",),
    ),
    Period(
        table="fanout.meeting_reminders",
        parameter="reminders_days",
        days=7,
        at_least=1,
        why="counted from the end of the meeting; before it, people would be reminded twice",
        statements=("delete_reminders",),
    ),
    Period(
        table="fanout.thread_nudges",
        parameter="thread_nudges_days",
        days=60,
        at_least=15,
        why="longer than a message can be the reason for a nudge (14 days); a row stays until its"
        " thread has a later message",
        statements=("delete_thread_nudges",),
    ),
    Period(
        table="fanout.resume_nudges",
        parameter="resume_nudges_days",
        days=60,
        at_least=15,
        why="longer than an edit can be the reason for a nudge (14 days); a row stays until its"
        " resume was edited again",
        statements=("delete_resume_nudges",),
    ),
    *OF_MAIL,
    Period(
        table="fanout.deliveries of push",
        parameter="pushes_days",
        days=30,
        at_least=7,
        why="people ask for some weeks why their phone rang; one stays while an older one waits"
        " that it has replaced",
        statements=("delete_pushes",),
        needs="fanout.broadcasts",
        oldest_first=True,
    ),
)

RETENTION: Final = Job(
    name="retention",
    summary="delete rows that were kept long enough",
    schedule=Schedule("30 3 * * *"),
    work=Retention(periods=PERIODS),
)
