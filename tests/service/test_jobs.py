"""``/v1/jobs`` and ``/v1/switches``: what operators order, and what the commands then see."""

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

from pipeline.jobs.table import JOBS
from pipeline.settings import DatabaseSettings
from pipeline.sinks.dead_letters import write_dead_letters
from pipeline.steps.run_due import run_now
from pipeline.steps.run_job import JobRunner
from tests.service.api import OPERATOR, Api, command, comparable, upload

REMINDERS: Final = "meeting-reminders"
UPLOADED: Final = "document_uploaded"


def run_what_is_due(api: Api, job: str) -> None:
    """Do what the graph of the jobs does when it looks."""
    settings = DatabaseSettings(dsn=api.stage.database.jobs_dsn)
    bury = partial(write_dead_letters, settings, None)
    run_now(JobRunner(settings=settings, bury=bury), JOBS[job])


def test_a_run_that_was_asked_for_is_done_by_the_graph_of_the_jobs(api: Api) -> None:
    asked = api.post(
        f"/v1/jobs/{REMINDERS}/runs",
        {"now": "2026-03-02T12:00:00+02:00", "parameters": {"lead_minutes": 15}},
    )
    assert asked.status_code == 202
    answer = asked.json()
    assert answer.pop("see") == f"/v1/jobs/{REMINDERS}/runs"
    [waits] = api.get(f"/v1/jobs/{REMINDERS}/runs")["items"]
    assert (waits["state"], waits["by_hand"], waits["started_at"]) == ("pending", True, None)
    assert answer == {"job": REMINDERS, "scheduled_for": waits["scheduled_for"]}
    assert api.stage.rows("SELECT as_of, changed, requested_by FROM fanout.job_runs") == [
        (datetime(2026, 3, 2, 10, tzinfo=UTC), {"lead_minutes": 15}, "person")
    ]
    run_what_is_due(api, REMINDERS)
    [done] = api.get(f"/v1/jobs/{REMINDERS}/runs")["items"]
    assert (done["state"], done["attempts"]) == ("done", 1)
    [seen] = [each for each in api.get("/v1/jobs")["jobs"] if each["name"] == REMINDERS]
    assert comparable(seen["last"]["scheduled_for"]) == comparable(done["scheduled_for"])


def test_jobs_are_what_the_command_shows(api: Api) -> None:
    assert comparable(api.get("/v1/jobs")) == comparable(command(api.stage.database, "jobs"))


def test_runs_are_paged_the_latest_first(api: Api) -> None:
    noon = datetime(2026, 3, 2, 12, tzinfo=UTC)
    times = [noon + timedelta(minutes=5 * number) for number in range(5)]
    for at in times:
        api.stage.execute(
            "INSERT INTO fanout.job_runs (job, scheduled_for, as_of, requested_by, state)"
            " VALUES (%s, %s, %s, 'tick', 'pending')",
            REMINDERS,
            at,
            at,
        )
    found: list[datetime] = []
    cursor = None
    while not found or cursor is not None:
        answer = api.get(f"/v1/jobs/{REMINDERS}/runs", limit=2, cursor=cursor)
        found += [datetime.fromisoformat(each["scheduled_for"]) for each in answer["items"]]
        cursor = answer["next"]
    assert found == times[::-1]


def test_a_run_that_cannot_be_asked_for_is_refused(api: Api) -> None:
    path = f"/v1/jobs/{REMINDERS}/runs"
    assert "no job 'siesta'" in api.refusal(api.post("/v1/jobs/siesta/runs"), 404)
    unknown = api.post(path, {"parameters": {"lead_hours": 1}})
    assert "did you mean lead_minutes?" in api.refusal(unknown, 422)
    for body in ({"parameters": {"lead_minutes": "15"}}, {"now": "12:00"}, {"parameters": {"": 1}}):
        assert api.refusal(api.post(path, body), 422).startswith("invalid ")
    assert api.client.put(f"/v1/switches/{REMINDERS}", json={"reason": "x"}).status_code == 200
    assert "is paused: resume it first" in api.refusal(api.post(path), 409)
    assert api.stage.rows("SELECT FROM fanout.job_runs") == []


def test_a_switch_is_set_and_removed_as_by_the_commands(api: Api) -> None:
    path = f"/v1/switches/{UPLOADED}"
    paused = api.client.put(path, json={"reason": "wrong links"})
    reason = f"{OPERATOR}: wrong links"
    assert paused.status_code == 200, paused.text
    assert (paused.json()["before"], paused.json()["reason"]) == (False, reason)
    # The command, which changes nothing here, says the same of it.
    said = command(api.stage.database, "pause", UPLOADED)
    assert comparable(said) == comparable({**paused.json(), "before": True})
    upload(api.stage)
    api.stage.deliver()
    [listed] = api.get("/v1/switches")["items"]
    assert (listed["name"], listed["state"], listed["waiting"]) == (UPLOADED, "paused", 1)
    assert api.client.delete(path).json() == {"name": UPLOADED, "was": "paused", "waiting": 1}
    assert api.client.delete(path).json()["was"] is None
    assert api.get("/v1/switches")["items"] == []
    assert "no event type" in api.refusal(
        api.client.put("/v1/switches/moon_rose", json={"reason": "x"}), 404
    )
    actions = api.stage.rows(
        "SELECT action, target, result FROM fanout.audit WHERE status = 200 ORDER BY at"
    )
    assert actions == [
        ("PUT /v1/switches/{name}", f"name={UPLOADED}", "paused"),
        ("DELETE /v1/switches/{name}", f"name={UPLOADED}", "was paused"),
        ("DELETE /v1/switches/{name}", f"name={UPLOADED}", "was not paused"),
    ]
