"""One request over HTTP: by which way it goes, and when its answer is given up."""

from datetime import timedelta

import pytest

from pipeline.clients.posting import HttpAnswer, HttpPoster
from pipeline.domain.provider_answer import Unavailable
from tests.clients.webhooks.receiver import Receiver


def test_the_way_to_this_machine_takes_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    receiver = Receiver()
    with receiver.serving():
        poster = HttpPoster(
            f"http://127.0.0.1:{receiver.port}", timedelta(seconds=10), connections=1
        )
        answer = poster.post("in", b"{}", {})
        poster.close()
    assert isinstance(answer, HttpAnswer)
    assert len(receiver.seen) == 1


def test_a_body_that_drips_is_given_up_though_each_byte_comes_in_time() -> None:
    receiver = Receiver(status=200, body=b" " * 500, drip=0.02)
    with receiver.serving():
        poster = HttpPoster(
            f"http://127.0.0.1:{receiver.port}", timedelta(seconds=1), connections=1
        )
        answer = poster.post("in", b"{}", {})
        poster.close()
    assert isinstance(answer, Unavailable)
    assert answer.may_be_accepted
    assert len(receiver.seen) == 1
