"""The routes of the event processor before us: exact bodies, and nothing runs in a request."""

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final
from uuid import UUID, uuid4

from pipeline.domain.wake_up import WakeUp
from pipeline.jobs.table import JOBS
from pipeline.settings import DatabaseSettings
from pipeline.sinks.dead_letters import write_dead_letters
from pipeline.steps.reactions.claim import ids_of
from pipeline.steps.run_due import run_now
from pipeline.steps.run_job import JobRunner
from tests.databases import Database
from tests.service.reactions import ReactionApi, headers_of, served
from tests.steps.reactions.board import Board, one

VERIFIED: Final = "user.verified"
PERSON: Final = "11111111-1111-4111-8111-111111111111"
UNKNOWN: Final = "nobody.knows_this"
PAYLOAD: Final = {
    "userId": "11111111-1111-4111-8111-111111111111",
    "verificationCompletedAt": "2026-03-02T12:00:00Z",
    "pocAgentType": "account_manager",
}
NO_ID: Final = (400, {"error": "event_id is required"})
NOT_FOUND: Final = (404, {"error": "Event not found"})
ALREADY: Final = (400, {"error": "Event already processed"})
BATCH: Final = (202, {"success": True, "message": "Batch processing started"})


def started(event_id: UUID) -> tuple[int, object]:
    words = {"success": True, "message": "Event processing started", "event_id": str(event_id)}
    return 202, words


def test_process_event_answers_as_before_and_only_wakes(reaction_api: ReactionApi) -> None:
    board = reaction_api.board
    done, pending = (board.event(VERIFIED, PAYLOAD) for _ in range(2))
    board.process(done, most=1)
    by_others = board.event(VERIFIED, PAYLOAD, processed=True)
    for body in ({}, {"event_id": ""}, {"event_id": None}, None):
        assert reaction_api.answer("/process-event", body) == NO_ID
    for unknown in (str(uuid4()), "nothing", "0", "\0"):
        assert reaction_api.answer("/process-event", {"event_id": unknown}) == NOT_FOUND
    for ended in (done, by_others):
        assert reaction_api.answer("/process-event", {"event_id": str(ended)}) == ALREADY
    assert reaction_api.published() == []
    before = board.rows("SELECT event_id, state FROM fanout.reactions ORDER BY 1")
    asked = {"event_id": str(pending), "sent_by": "the program before"}
    assert reaction_api.answer("/process-event", asked) == started(pending)
    [message] = reaction_api.published()
    assert board.rows("SELECT event_id, state FROM fanout.reactions ORDER BY 1") == before
    assert ids_of([WakeUp.of(message)]) == [pending]
    assert set(message.attributes) == {"id", "dedup_id", "created_at"}
    at = datetime.fromisoformat(message.attributes["created_at"])
    assert abs(datetime.now(UTC) - at) < timedelta(minutes=5)


def test_a_wake_up_is_never_taken_for_an_earlier_one(reaction_api: ReactionApi) -> None:
    """Control: a request that is sent again with its key publishes nothing."""
    event = reaction_api.board.event(VERIFIED, PAYLOAD)
    for key in ("one", "one", "two"):
        order = reaction_api.post(
            "/process-event", {"event_id": str(event)}, **{"Idempotency-Key": key}
        )
        assert (order.status_code, order.json()) == started(event)
    one, two = reaction_api.published()
    assert one.attributes["dedup_id"] != two.attributes["dedup_id"]
    for _ in range(2):
        refused = reaction_api.post("/process-event", {}, **{"Idempotency-Key": "three"})
        assert (refused.status_code, refused.json()) == NO_ID
    assert refused.headers["Idempotency-Replayed"] == "true"


def test_the_audit_says_what_was_woken(reaction_api: ReactionApi) -> None:
    event = reaction_api.board.event(VERIFIED, PAYLOAD)
    assert reaction_api.answer("/process-event", {"event_id": str(event)}) == started(event)
    assert reaction_api.answer("/process-batch") == BATCH
    assert len(reaction_api.published()) == 2
    batch, single = reaction_api.board.rows(
        "SELECT action, target, result FROM fanout.audit ORDER BY at DESC LIMIT 2"
    )
    assert [single, batch] == [
        ("POST /process-event", f"event_id={event}", "Accepted"),
        ("POST /process-batch", None, "woke the graph for 1 event"),
    ]


def test_an_event_that_ended_stays_so_whatever_its_row_says(reaction_api: ReactionApi) -> None:
    event = reaction_api.board.event(VERIFIED, PAYLOAD)
    reaction_api.board.process()
    reaction_api.board.execute("UPDATE reactions.events SET processed = false")
    assert reaction_api.answer("/process-event", {"event_id": str(event)}) == ALREADY


def test_an_event_that_retention_forgot_stays_ended_whatever_its_row_says(
    reaction_api: ReactionApi,
) -> None:
    board = reaction_api.board
    event = board.event(VERIFIED, PAYLOAD)
    # Control: before that, it waits.
    assert reaction_api.answer("/process-event", {"event_id": str(event)}) == started(event)
    assert len(reaction_api.published()) == 1
    board.execute(
        "UPDATE fanout.reaction_marks SET last_sequence = (SELECT sequence FROM reactions.events)"
    )
    assert reaction_api.answer("/process-event", {"event_id": str(event)}) == ALREADY
    assert reaction_api.answer("/process-batch") == BATCH
    assert reaction_api.published() == []


def test_process_batch_wakes_for_what_waits_and_for_nothing_else(reaction_api: ReactionApi) -> None:
    board = reaction_api.board
    assert reaction_api.answer("/process-batch") == BATCH
    assert reaction_api.published() == []
    board.event(VERIFIED, PAYLOAD)
    board.event(UNKNOWN, {})
    board.process()
    board.event(VERIFIED, PAYLOAD, processed=True)
    fresh = [board.event(VERIFIED, PAYLOAD) for _ in range(3)]
    # Nobody looks at the body, whatever it is.
    answered = reaction_api.client.post("/process-batch", content=b"\xff not JSON")
    assert (answered.status_code, answered.json()) == BATCH
    woken = reaction_api.published()
    assert [UUID(each.attributes["id"]) for each in woken] == fresh
    assert len({each.attributes["dedup_id"] for each in woken}) == 3
    assert board.process(*ids_of([WakeUp.of(each) for each in woken])) == 3
    # What failed waits for its next try.
    board.execute(
        "UPDATE fanout.reactions SET state = 'waiting', finished_at = NULL,"
        " next_attempt_at = now() + interval '1 hour' WHERE event_id = %s",
        fresh[0],
    )
    board.execute("UPDATE reactions.events SET processed = false WHERE id = %s", fresh[0])
    assert reaction_api.answer("/process-batch") == BATCH
    assert reaction_api.published() == []


def test_without_a_topic_it_says_what_to_do(reaction_api: ReactionApi) -> None:
    event = reaction_api.board.event(VERIFIED, PAYLOAD)
    with served(
        reaction_api.board.database, dict(reaction_api.client.headers), topic=None
    ) as client:
        for path in ("/process-event", "/process-batch"):
            answer = client.post(path, json={"event_id": str(event)})
            assert answer.status_code == 503
            assert answer.json()["message"].endswith(
                "start it with --reaction-topic projects/P/topics/T"
            )
        # What the caller did wrong comes first.
        unknown = client.post("/process-event", json={"event_id": str(uuid4())})
        assert (unknown.status_code, unknown.json()) == NOT_FOUND


def test_where_the_family_is_not_installed_it_says_so_in_one_line(
    shared_database: Database,
) -> None:
    with served(shared_database, headers_of(shared_database)) as client:
        calls = ["POST /process-event", "POST /process-batch", "POST /close-expired-requests"]
        for method, path in (each.split() for each in [*calls, "GET /community-requests-health"]):
            answer = client.request(method, path, json={"event_id": str(uuid4())})
            assert answer.status_code == 503
            assert answer.json()["message"] == (
                "this database has no reactions; run: python -m pipeline migrate --family reactions"
            )
        healthy = client.get("/health")
    assert (healthy.status_code, healthy.json()["stats"]) == (200, None)


def test_an_unknown_route_is_named_to_callers_and_hidden_from_strangers(
    reaction_api: ReactionApi,
) -> None:
    words = {"error": "Not Found", "message": "Route GET /nope not found"}
    answer = reaction_api.client.get("/nope?a=1")
    assert (answer.status_code, answer.json()) == (404, words)
    stranger = reaction_api.client.get("/nope", headers={"Authorization": ""})
    real = reaction_api.client.get("/v1/events", headers={"Authorization": ""})
    assert stranger.status_code == real.status_code == 401
    assert stranger.content == real.content


def request_of(board: Board, expires_at: datetime, **columns: object) -> UUID:
    """Insert a community request that asked one person."""
    values = {"status": "open", "answered_by": [], **columns}
    rows = board.rows(
        "INSERT INTO reactions.community_requests (id, event_id, question, expertise_needed,"
        " desired_outcome, urgency, target_user_ids, details, created_at, expires_at, status,"
        " answered_by) VALUES (gen_random_uuid(), gen_random_uuid(), 'Who?', '{}', 'backchannel',"
        " 'medium', ARRAY[%s::uuid], '{}', now(), %s, %s, %s::uuid[]) RETURNING id",
        PERSON,
        expires_at,
        values["status"],
        values["answered_by"],
    )
    return UUID(str(one(rows)))


def test_requests_that_are_over_are_named_and_closed_by_the_job(reaction_api: ReactionApi) -> None:
    board = reaction_api.board
    health, close = "/community-requests-health", "/close-expired-requests"
    assert reaction_api.client.get(health).json() == {
        "success": True,
        "openRequests": 0,
        "expiredRequests": 0,
        "fullyRespondedRequests": 0,
    }
    nothing = {"success": True, "closedCount": 0, "requestIds": []}
    assert reaction_api.answer(close) == (200, nothing)
    later = datetime.now(UTC) + timedelta(days=7)
    expired = request_of(board, datetime.now(UTC) - timedelta(days=1))
    answered = request_of(board, later, status="responses_received", answered_by=[PERSON])
    request_of(board, later)
    request_of(board, later, status="closed", answered_by=[PERSON])
    counted = reaction_api.client.get(health).json()
    assert counted == {
        "success": True,
        "openRequests": 3,
        "expiredRequests": 1,
        "fullyRespondedRequests": 1,
    }
    status, answer = reaction_api.answer(close)
    assert (status, answer["success"], answer["closedCount"]) == (200, True, 2)
    assert sorted(answer["requestIds"]) == sorted(map(str, [expired, answered]))
    # Nothing ran in the request.
    assert reaction_api.client.get(health).json() == counted
    runs = "SELECT job, state, requested_by FROM fanout.job_runs"
    assert board.rows(runs) == [("close-expired-requests", "pending", "person")]
    run_now(
        JobRunner(
            settings=DatabaseSettings(dsn=board.database.jobs_dsn),
            bury=partial(write_dead_letters, DatabaseSettings(dsn=board.database.jobs_dsn), None),
        ),
        JOBS["close-expired-requests"],
    )
    assert reaction_api.answer(close) == (200, nothing)
    assert reaction_api.client.get(health).json()["openRequests"] == 1
    assert board.rows(runs) == [("close-expired-requests", "done", "person")]
