"""The graph of push as a process: it pushes without a message, and logs nothing of a person."""

import threading
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from local.loopback import LoopbackReply, LoopbackRequest
from pipeline.domain.message import Message
from tests.deadline import wait_until
from tests.golden.stage import Stage
from tests.golden.world import U1, U2
from tests.steps.push.desk import PushDesk, open_desk, tokens
from tests.steps.push.servers import PROJECT, TOKEN, FcmServer
from tests.streams import Broker, Stream

CANARY = "canary-7f3a"


class HeldFcm(FcmServer):
    """An FCM that answers nothing until it is released."""

    def __init__(self) -> None:
        super().__init__()
        self.released = threading.Event()
        self.waiting = 0

    def answer(self, request: LoopbackRequest) -> LoopbackReply | None:
        """Wait, then answer."""
        self.waiting += 1
        self.released.wait(60)
        return super().answer(request)


@pytest.fixture
def desk(stage: Stage) -> Iterator[PushDesk]:
    with open_desk(stage) as desk:
        yield desk


def stream_of(desk: PushDesk, events: Broker, log: Path, *flags: str) -> Stream:
    return Stream(
        events,
        desk.stage.database.push_dsn,
        log,
        *("--graph", "push", *flags),
        WEBSOCKET_BUS_URL=desk.bus.url,
        SERVICE_TOKEN=TOKEN,
        FCM_PROJECT_ID=PROJECT,
        FCM_BASE_URL=desk.fcm.url,
        GOOGLE_APPLICATION_CREDENTIALS=desk.fcm.credentials,
    )


def test_it_pushes_what_is_due_and_any_message_only_wakes_it(
    desk: PushDesk, events: Broker, tmp_path: Path
) -> None:
    desk.bus.connected[U1] = 1
    desk.device(f"{CANARY}-phone", U2)
    stream = stream_of(desk, events, tmp_path / "log")
    with stream:
        # No message tells of it: the clock of the source does.
        desk.notify(U2, title=CANARY, message=CANARY)
        desk.notify(U1, title=CANARY)
        wait_until(
            lambda: [each[0] for each in desk.activity()] == [True, True],
            seconds=30,
            what="both are told",
        )
        forged = Message(CANARY.encode(), {"id": str(uuid4()), "note": CANARY})
        events.publish([forged, Message(b"x", {})])
        wait_until(events.is_drained, seconds=30, what="the messages are acknowledged")
        assert stream.stop() == 0
    assert [target for _, target in desk.bus.taken if target == str(U1)] == [str(U1)]
    assert tokens(desk.fcm) == [f"{CANARY}-phone"]
    assert desk.rows("SELECT graph FROM fanout.graphs") == [("push",)]
    assert CANARY not in stream.log
    assert TOKEN not in stream.log


def test_an_fcm_that_does_not_answer_leaves_the_bus_alone(
    desk: PushDesk, events: Broker, tmp_path: Path
) -> None:
    held = HeldFcm()
    with held.serving():
        desk.fcm = held
        desk.device("phone", U2)
        desk.bus.connected[U1] = 1
        with stream_of(desk, events, tmp_path / "log") as stream:
            for _ in range(30):
                desk.notify(U2)
            wait_until(lambda: held.waiting >= 16, seconds=30, what="every thread waits for FCM")
            for _ in range(30):
                desk.notify(U1)
            told = "SELECT count(*) FROM fanout.deliveries WHERE user_id = %s AND state = 'done'"
            wait_until(lambda: desk.rows(told, U1) == [(30,)], seconds=30, what="the bus goes on")
            assert held.taken == []
            held.released.set()
            wait_until(lambda: len(held.taken) == 30, seconds=30, what="FCM is asked for the rest")
            assert stream.stop() == 0
    assert set(held.counts.values()) == {1}


def test_a_database_without_push_is_refused_with_what_to_do(
    desk: PushDesk, events: Broker, tmp_path: Path
) -> None:
    desk.execute("ALTER TABLE fanout.webhook_endpoints RENAME TO no_endpoints")
    stream = stream_of(desk, events, tmp_path / "log")
    with stream:
        assert stream.process.wait(30) == 1
    assert "run: python -m pipeline migrate --family push" in stream.log
