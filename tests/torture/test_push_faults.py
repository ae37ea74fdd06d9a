"""Push with four workers, while the bus and FCM fail in turn: each push arrives, and where."""

import random
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pytest

from tests.deadline import wait_until
from tests.golden.stage import Stage
from tests.golden.world import U2, U3
from tests.steps.push.desk import PushDesk, open_desk
from tests.steps.push.killed import SETTLED_FIRST
from tests.steps.push.servers import PROJECT, TOKEN
from tests.streams import Broker, Stream, broker
from tests.torture.figures import Figures
from tests.torture.oracle import Audit
from tests.torture.push_worker import work, write
from tests.torture.scale import SCALE

WORKERS = 4


@pytest.fixture
def wakes() -> Iterator[Broker]:
    """The topic of the deliveries."""
    with broker() as made:
        yield made


@pytest.fixture
def desk(stage: Stage) -> Iterator[PushDesk]:
    """U2 is connected; U3 is not, and has a phone and a tablet."""
    with open_desk(stage) as desk:
        desk.bus.connected[U2] = 1
        for token in ("u2-phone", "u3-phone", "u3-tablet"):
            desk.device(token, U3 if token.startswith("u3") else U2)
        yield desk


def worker(desk: PushDesk, events: Broker, log: Path) -> Stream:
    """A process that pushes, not started yet."""
    return Stream(
        events,
        desk.stage.database.push_dsn,
        log,
        *("--graph", "push"),
        WEBSOCKET_BUS_URL=desk.bus.url,
        SERVICE_TOKEN=TOKEN,
        FCM_PROJECT_ID=PROJECT,
        FCM_BASE_URL=desk.fcm.url,
        GOOGLE_APPLICATION_CREDENTIALS=desk.fcm.credentials,
    )


class Weather:
    """Lets one of the two servers fail, then the other, in one of four ways; then both work."""

    def __init__(self, desk: PushDesk) -> None:
        self._servers = (desk.bus, desk.fcm)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._change, name="weather")
        self.changes = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._ended.set()
        self._thread.join()
        for server in self._servers:
            server.status, server.drops = None, False

    def _change(self) -> None:
        while not self._ended.wait(0.2):
            failing = self._servers[self.changes % 2]
            for server in self._servers:
                server.status, server.drops = None, False
            if random.random() < 0.3:  # noqa: S311 - chance, not secrecy
                failing.drops = True
            else:
                # FCM says with these that it did not take a message; with 500 nobody knows.
                failing.status = random.choice([503, 429])  # noqa: S311
            self.changes += 1


def test_each_push_arrives_while_the_bus_and_fcm_fail_in_turn(
    desk: PushDesk, wakes: Broker, tmp_path: Path, figures: Figures
) -> None:
    rows = SCALE.push_rows
    streams = [worker(desk, wakes, tmp_path / f"log.{number}") for number in range(WORKERS)]
    for stream in streams:
        stream.__enter__()
    try:
        with Weather(desk) as weather:
            for _ in range(4):
                write(desk, rows // 4)
                before = weather.changes
                wait_until(
                    lambda before=before: weather.changes >= before + 4,  # type: ignore[misc]
                    seconds=60,
                    what="both have failed",
                )

        def has_ended() -> bool:
            let_pauses_end(desk)
            open_ = "SELECT count(*) FROM activity.notifications WHERE NOT is_processed"
            return desk.rows(open_) == [(0,)]

        wait_until(has_ended, seconds=120 + rows / 10, what="every row is processed")
    finally:
        for stream in streams:
            stream.__exit__(None, None, None)
    twice, extra = repeats(desk)
    lost = missing(desk)
    assert desk.rows("SELECT count(*) FROM activity.notifications") == [(2 * rows,)]
    in_doubt = [code for _, _, code in desk.codes()].count("in_doubt")
    assert (lost, extra) == (0, 0)
    audit = Audit(
        events=2 * rows, effects=2 * rows, lost_events=0, lost=lost, duplicated=extra, misjudged=0,
        dead_letters=0,
    )  # fmt: skip
    note = f"{twice} sent twice with one id, {in_doubt} in doubt"
    fault = "four workers push, the bus and FCM fail in turn"
    figures.found(18, fault, weather.changes, audit, note)


def test_control_a_sender_that_settles_before_the_answer_is_caught(
    desk: PushDesk, figures: Figures
) -> None:
    write(desk, 3)
    desk.bus.status = 503
    assert work(desk, "bus", weakness=SETTLED_FIRST) == 0
    desk.bus.status = None
    desk.run()
    lost = missing(desk)
    assert lost == 6
    figures.caught(18, "a push is settled before the bus answers", f"one round: {lost} lost")


def let_pauses_end(desk: PushDesk) -> None:
    """Let what waits be due, and switches cool off. Leases go on: nobody was killed."""
    desk.execute(
        "UPDATE fanout.deliveries SET next_attempt_at = now() WHERE sequence IN ("
        " SELECT sequence FROM fanout.deliveries WHERE state = 'waiting'"
        " AND next_attempt_at > now() FOR UPDATE SKIP LOCKED)"
    )
    desk.execute("UPDATE fanout.switches SET until = now()")
    desk.execute("UPDATE fanout.rate_limits SET blocked_until = NULL")


def missing(desk: PushDesk) -> int:
    """How many deliveries say that they arrived, or went on to the phones, and did not."""
    taken = [id_ for id_, _ in (*desk.bus.taken, *desk.fcm.taken)]
    untold = desk.rows(
        "SELECT count(*) FROM fanout.deliveries WHERE state = 'done' AND id <> ALL (%s)", taken
    )[0][0]
    # U2 has one phone, and U3 has two.
    went_on = desk.rows(
        "SELECT count(*) FROM fanout.deliveries AS bus WHERE channel = 'bus'"
        " AND state = 'cancelled' AND ("
        "   SELECT count(*) FROM fanout.deliveries AS phone"
        "   WHERE phone.cause = bus.cause AND channel = 'fcm'"
        " ) <> (SELECT count(*) FROM fanout.device_tokens AS device"
        "   WHERE device.user_id = bus.user_id)"
    )[0][0]
    # Only what may have arrived may end otherwise.
    otherwise = desk.rows(
        "SELECT count(*) FROM fanout.deliveries WHERE state NOT IN ('done', 'cancelled')"
        " AND id <> ALL (%s)",
        taken,
    )[0][0]
    return int(untold + went_on + otherwise)


def repeats(desk: PushDesk) -> tuple[int, int]:
    """How often one id was taken twice, and how often more than that."""
    counts = Counter(desk.bus.counts) + Counter(desk.fcm.counts)
    return (
        sum(count == 2 for count in counts.values()),
        sum(max(0, count - 2) for count in counts.values()),
    )
