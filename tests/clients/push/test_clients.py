"""What every way to push promises: one result, nothing raised, nothing logged."""

import logging
import pickle
import threading
from datetime import timedelta

import pytest

from local.loopback import DROPPED_AFTER, DROPPED_BEFORE, Fault, LoopbackReply
from pipeline.domain.provider_answer import Accepted, AuthFailed, RateLimited, Unavailable
from tests.clients.push.conftest import NOW, Given
from tests.deadline import wait_until


def result_of(given: Given, client: object = None) -> object:
    [result] = (client or given.client).send(given.message).results  # type: ignore[attr-defined]
    return result


def test_a_message_is_accepted_once_and_has_the_id_of_the_server(given: Given) -> None:
    result = result_of(given)
    assert isinstance(result, Accepted)
    assert given.taken() == 1
    assert {result.provider_id} == given.ids()


def test_a_connection_that_is_cut_leaves_it_in_doubt(given: Given) -> None:
    result_of(given)
    for fault in (DROPPED_BEFORE, DROPPED_AFTER):
        given.server.fail_next(fault)
        result = result_of(given)
        assert isinstance(result, Unavailable)
        assert (result.may_be_accepted, result.of_request) == (True, True)


def test_a_server_that_is_not_there_has_not_taken_it(given: Given) -> None:
    result = result_of(given, given.changed(url="http://127.0.0.1:1"))
    assert result == Unavailable(code="ConnectError", may_be_accepted=False)


def test_a_server_that_is_slow_is_given_up_and_may_have_taken_it(given: Given) -> None:
    # It signs in first: the token endpoint is quick.
    result_of(given)
    client = given.changed(timeout=timedelta(seconds=1))
    result_of(given, client)
    given.server.hold()
    result = result_of(given, client)
    given.server.release()
    assert result == Unavailable(code="ReadTimeout", may_be_accepted=True)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b"null", b'{"delivered": -1}'])
def test_garbage_leaves_it_in_doubt(given: Given, body: bytes) -> None:
    given.server.fail_next(Fault(reply=LoopbackReply(status=200, body=body)))
    assert result_of(given) == Unavailable(code="unreadable_answer", may_be_accepted=True)


def test_an_endless_answer_is_given_up(given: Given) -> None:
    given.server.fail_next(Fault(reply=LoopbackReply(status=200, body=b" " * 10_000_000)))
    assert result_of(given) == Unavailable(code="TimeoutError", may_be_accepted=True)


def test_who_may_not_send_is_told_so_whatever_else(given: Given) -> None:
    assert isinstance(result_of(given, given.denied()), AuthFailed)
    assert given.taken() == 0


@pytest.mark.parametrize("status", [301, 307, 401, 403, 404, 405, 407])
def test_a_wrong_setting_is_not_a_fault_of_the_message(given: Given, status: int) -> None:
    # A proxy, or another server at a wrong address.
    reply = LoopbackReply(status=status, body=b"<html>", headers={"Location": "/elsewhere"})
    given.server.fail_next(Fault(reply=reply))
    assert result_of(given) == AuthFailed(code=f"http_{status}")
    assert len(given.server.asked) == 1


@pytest.mark.parametrize(
    ("header", "wait"),
    [("7", timedelta(seconds=7)), ("Mon, 02 Mar 2026 18:00:09 GMT", timedelta(seconds=9))],
)
def test_too_many_requests_wait_as_long_as_told(given: Given, header: str, wait: timedelta) -> None:
    reply = LoopbackReply(status=429, body=b"slow down", headers={"Retry-After": header})
    given.server.fail_next(Fault(reply=reply))
    assert result_of(given) == RateLimited(code="http_429", retry_at=NOW + wait)


def test_a_server_that_is_away_says_when_it_is_back(given: Given) -> None:
    given.server.fail_next(Fault(reply=LoopbackReply(status=503, headers={"Retry-After": "7"})))
    result = result_of(given)
    assert isinstance(result, Unavailable)
    assert result.retry_at == NOW + timedelta(seconds=7)


@pytest.mark.parametrize("status", [408, 500, 502, 504, 520])
def test_a_server_in_trouble_leaves_it_in_doubt(given: Given, status: int) -> None:
    given.server.fail_next(Fault(reply=LoopbackReply(status=status, body=b"<html>canary")))
    assert result_of(given) == Unavailable(code=f"http_{status}", may_be_accepted=True)


def test_threads_share_a_client_and_its_connections(given: Given) -> None:
    results: list[object] = []

    def send() -> None:
        results.extend(result_of(given) for _ in range(5))

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 40
    assert all(isinstance(each, Accepted) for each in results)
    assert given.server.connections <= 4


def test_nothing_of_a_message_or_a_secret_is_shown_or_logged(
    given: Given, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    faults = (
        DROPPED_BEFORE,
        Fault(reply=LoopbackReply(status=500, body=b"canary")),
        Fault(reply=LoopbackReply(status=400, body={"error": {"message": "canary"}})),
    )
    given.server.fail_next(*faults)
    shown = [repr(result_of(given)) for _ in (*faults, None)]
    shown.append(repr(result_of(given, given.denied())))
    shown.append(repr(given.message))
    assert "canary" not in " ".join(shown).lower()
    assert "canary" not in caplog.text.lower()
    # Nor is an address.
    assert [each for each in caplog.records if each.name.startswith(("httpx2", "httpcore2"))] == []


def test_a_message_can_go_to_a_worker(given: Given) -> None:
    assert pickle.loads(pickle.dumps(given.message)) == given.message  # noqa: S301


def test_a_request_that_waits_is_answered_when_the_server_is_back(given: Given) -> None:
    result_of(given)
    given.server.hold()
    results: list[object] = []
    thread = threading.Thread(target=lambda: results.append(result_of(given)))
    thread.start()
    wait_until(lambda: given.server.waiting, seconds=10, what="a request to wait")
    given.server.release()
    thread.join(10)
    assert isinstance(results[0], Accepted)
