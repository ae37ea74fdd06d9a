"""``Idempotency-Key``: a request is done once, however often and to whomever it is sent."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from http import HTTPStatus
from typing import Final
from uuid import uuid4

import pytest

from pipeline.domain.errors import Conflict
from pipeline.ops.idempotency.keys import HELD_SECONDS, RequestKey
from pipeline.settings import DatabaseSettings
from service.identity.caller import Scope
from service.once import REPEATED, Once
from tests.golden.stage import Stage
from tests.service.api import Api, another, asked, upload
from tests.service.asking import token

RUNS: Final = "/v1/jobs/retention/runs"
CALLERS: Final = 12


def runs(api: Api) -> int:
    [(number,)] = api.stage.rows("SELECT count(*) FROM fanout.job_runs")
    return int(number)


def test_a_request_that_is_repeated_gets_the_first_answer_from_any_instance(api: Api) -> None:
    """Control: with another key, or without one, it is done again."""
    first = api.post(RUNS, key="k")
    assert (first.status_code, REPEATED in first.headers) == (202, False)
    with another(api) as other:
        again = other.post(RUNS, key="k")
    assert (again.status_code, again.content) == (202, first.content)
    assert again.headers[REPEATED] == "true"
    assert again.headers["Content-Type"] == first.headers["Content-Type"]
    assert runs(api) == 1
    for key in ("k2", None, None):
        assert api.post(RUNS, key=key).content != first.content
    assert runs(api) == 4


def test_a_key_is_refused_for_another_request(api: Api) -> None:
    assert api.post(RUNS, key="k").status_code == 202
    other = api.post(RUNS, {"parameters": {"attempts_days": 60}}, key="k")
    assert "another request had this Idempotency-Key" in api.refusal(other, 422)
    assert runs(api) == 1
    assert api.refusal(api.post("/v1/jobs/meeting-reminders/runs", key="k"), 422)
    # The same key means nothing on another route, nor for another caller.
    assert api.post("/v1/replays", {"event": [upload(api.stage)]}, key="k").status_code == 201
    secret = token(api.stage.database, "other", Scope.OPERATE)
    with asked(api.stage, secret, "unused") as stranger:
        assert stranger.post(RUNS, key="k").status_code == 202
    assert runs(api) == 2


def at_once(api: Api, other: Api, *, key: str | None) -> list[int]:
    """Send one request many times at once, to two instances in turn; return the statuses."""
    barrier = threading.Barrier(CALLERS)

    def send(number: int) -> int:
        barrier.wait()
        return (api, other)[number % 2].post(RUNS, key=key).status_code

    with ThreadPoolExecutor(CALLERS) as callers:
        return list(callers.map(send, range(CALLERS)))


def test_requests_that_race_are_done_once(api: Api) -> None:
    """Control: without a key each of them is done."""
    with another(api) as other:
        for number in range(5):
            statuses = at_once(api, other, key=str(uuid4()))
            assert runs(api) == number + 1
            assert 202 in statuses
            assert set(statuses) <= {202, 409}
        assert at_once(api, other, key=None) == [202] * CALLERS
        assert runs(api) == 5 + CALLERS


def hold(api: Api, seconds: int) -> None:
    """Plant what an instance leaves that died while it did the request with the key ``k``."""
    assert api.post(RUNS, key="k").status_code == 202
    api.stage.execute(
        "UPDATE fanout.idempotency_keys SET status = NULL, body = NULL,"
        " held_until = now() + make_interval(secs => %s)",
        seconds,
    )


def test_a_request_that_is_being_done_is_not_done_beside_it(api: Api) -> None:
    hold(api, HELD_SECONDS)
    assert "is in progress" in api.refusal(api.post(RUNS, key="k"), 409)
    assert runs(api) == 1


def test_a_request_whose_instance_died_can_be_sent_again(api: Api) -> None:
    hold(api, -1)
    other = api.post(RUNS, {"now": "2026-03-02T12:00:00Z"}, key="k")
    assert api.refusal(other, 422)
    again = api.post(RUNS, key="k")
    assert (again.status_code, REPEATED in again.headers) == (202, False)
    assert api.post(RUNS, key="k").content == again.content


def test_a_refusal_is_repeated_and_a_failure_is_not(api: Api) -> None:
    path = "/v1/dead-letters/1/resolve"
    upload(api.stage, 1)
    for _ in range(2):
        # There is no letter yet. Whoever sends this again hears the same, even when there is one.
        assert api.refusal(api.post(path, {"note": "x"}, key="early"), 404)
        api.stage.deliver()
    with api.stage.database.connect() as connection, connection.transaction():
        connection.execute("LOCK TABLE event_dead_letters")
        assert "lock" in api.refusal(api.post(path, {"note": "x"}, key="late"), 503)
    assert api.post(path, {"note": "x"}, key="late").json() == {"resolved": 1}


def test_a_fault_is_told_even_if_its_key_cannot_be_given_back(stage: Stage) -> None:
    """Control: a key that can be given back is free at once."""
    database = DatabaseSettings(
        dsn=stage.database.operator_dsn, retry_for=timedelta(milliseconds=100)
    )
    once = Once(
        database=database,
        key=RequestKey(caller="token amara", route="POST /v1/things", key="k"),
        digest=bytes(32),
    )

    def fail() -> None:
        raise ValueError("a bug")

    with stage.database.connect() as connection:

        def fail_and_lock() -> None:
            connection.execute("BEGIN")
            connection.execute("LOCK TABLE fanout.idempotency_keys")
            fail()

        for do in (fail, fail_and_lock):
            with pytest.raises(ValueError, match="a bug"):
                once.answer(HTTPStatus.OK, do)
        connection.execute("ROLLBACK")
    with pytest.raises(Conflict):
        once.answer(HTTPStatus.OK, fail)


def test_a_key_is_forgotten_after_a_day(api: Api) -> None:
    first = api.post(RUNS, key="k")
    api.post(RUNS, key="k2")
    api.stage.execute("UPDATE fanout.idempotency_keys SET taken_at = now() - interval '25 hours'")
    again = api.post(RUNS, key="k")
    assert (again.status_code, again.content != first.content) == (202, True)
    assert api.stage.rows("SELECT key FROM fanout.idempotency_keys") == [("k",)]


def test_a_key_has_a_form(api: Api) -> None:
    for key in ("", "a b", "x" * 256):
        message = api.refusal(api.post(RUNS, key=key), 422)
        assert message.startswith("invalid Idempotency-Key: expected ")
    assert runs(api) == 0
