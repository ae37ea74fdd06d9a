"""The desk of the push tests: a database, a bus, an FCM, and the real graph on them."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import apache_beam as beam

from pipeline.facts.switches import switches_of
from pipeline.runtime.runner import local_pipeline
from pipeline.settings import DatabaseSettings
from pipeline.settings.push import BusSettings, FcmSettings, PushSettings
from pipeline.sinks.provider_breaker import provider_breakers_of
from pipeline.sinks.push_results import write_push_results
from pipeline.steps.push import claim as claiming
from pipeline.steps.push.channels import CHANNELS, channels_on
from pipeline.steps.push.check import check_pushes
from pipeline.steps.push.claim import PushClaims, claims_of
from pipeline.steps.push.outbox import outbox_of
from pipeline.steps.push.sender import PushSender
from pipeline.steps.push.tried import TriedPushes
from pipeline.steps.webhooks.sender import WebhookSender
from pipeline.topology.ends import Preview, Store
from pipeline.topology.push import PushTopology
from tests.golden.stage import Stage
from tests.golden.world import U1, U2
from tests.steps.push.servers import PROJECT, TOKEN, BusServer, FcmServer

NOBODY = UUID(int=0)


def work(sender: PushSender, claims: PushClaims, most: int = 100) -> int:
    """Do what the steps of the graph do in one round; return how many were claimed."""
    claimed_in_all = 0
    for channel in channels_on(sender):
        claimed = claims.claim(channel, most)
        claimed_in_all += len(claimed.leases)
        checked = check_pushes(sender, claimed)
        write_push_results(
            sender,
            TriedPushes(
                channel=channel.name, missed=checked.missed, settlements=checked.settlements
            ),
        )
        patience = None if sender.waits else channel.patience
        for tried in outbox_of(sender, channel).make(checked.asked, patience):
            write_push_results(sender, TriedPushes(channel=channel.name, tried=tried))
    return claimed_in_all


@dataclass
class PushDesk:
    """Everything that one test needs.

    Attributes:
        stage: the database with the golden world.
        bus: the bus.
        fcm: the provider for phones.
    """

    stage: Stage
    bus: BusServer
    fcm: FcmServer
    has_bus: bool = True
    has_fcm: bool = True
    timeout: timedelta = timedelta(seconds=10)
    dry_run: bool = False
    # The steps do the same without Beam, in a fraction of the time.
    through_graph: bool = False
    waits: bool = True

    @property
    def settings(self) -> PushSettings:
        """The bus and the FCM."""
        bus = BusSettings(url=self.bus.url, token=TOKEN, timeout=self.timeout)
        fcm = FcmSettings(
            project=PROJECT,
            base_url=self.fcm.url,
            credentials=self.fcm.credentials,
            timeout=self.timeout,
        )
        return PushSettings(bus=bus if self.has_bus else None, fcm=fcm if self.has_fcm else None)

    @property
    def sender(self) -> PushSender:
        """As the role that pushes."""
        database = DatabaseSettings(dsn=self.stage.database.push_dsn)
        return PushSender(database=database, push=self.settings, waits=self.waits)

    def device(self, token: str, user: UUID = U2, platform: str = "android") -> UUID:
        """Register a device; return its id."""
        statement = "SELECT fanout.register_device(%s, %s, %s)"
        [(id_,)] = self.rows(statement, user, platform, token)
        return UUID(str(id_))

    def notify(self, user: UUID = U2, **columns: object) -> UUID:
        """Insert a row into activity.notifications, as any service does; return its id."""
        values = {"user_id": user, "title": "Hello", "message": "There is news", **columns}
        names = ", ".join(values)
        marks = ", ".join(["%s"] * len(values))
        [(id_,)] = self.rows(
            f"INSERT INTO activity.notifications ({names})"  # noqa: S608 - our own names
            f" VALUES ({marks}) RETURNING id",
            *values.values(),
        )
        return UUID(str(id_))

    def run(self, wake_ups: int = 1) -> None:
        """Do what the graph does when the source says *due*, once or several times."""
        claims_of(self.sender).look_again()
        if self.through_graph or self.dry_run:
            self._run_graph(wake_ups)
            return
        for _ in range(wake_ups):
            while work(self.sender, claims_of(self.sender)):
                pass

    def _run_graph(self, wake_ups: int) -> None:
        topology = PushTopology(
            sender=self.sender,
            webhooks=WebhookSender(database=self.sender.database),
            ends=Preview() if self.dry_run else Store(self.sender.database),
        )
        pipeline = local_pipeline()
        empty: list[list[Any]] = [[] for _ in range(wake_ups)]
        topology.build(pipeline, beam.Create(empty, reshuffle=False))
        pipeline.run().wait_until_finish()

    def forget(self) -> None:
        """Be another process: one that knows nothing of what this one has seen."""
        for channel in CHANNELS.values():
            channel.close(self.sender)
        for cached in (
            switches_of, provider_breakers_of, claims_of, outbox_of, claiming.has_activity,
        ):  # fmt: skip
            cached.cache_clear()

    def pass_time(self, seconds: float) -> None:
        """Let this time pass for everything that waits."""
        passed = timedelta(seconds=seconds)
        self.execute(
            "UPDATE fanout.deliveries SET next_attempt_at = next_attempt_at - %s,"
            " ranked_at = ranked_at - %s, deliver_at = deliver_at - %s, asked_at = asked_at - %s,"
            " expires_at = expires_at - %s WHERE finished_at IS NULL",
            passed, passed, passed, passed, passed,
        )  # fmt: skip
        self.execute("UPDATE fanout.switches SET until = until - %s", passed)
        self.execute("UPDATE fanout.rate_limits SET blocked_until = blocked_until - %s", passed)
        switches_of(self.sender.database).forget()

    def deliveries(self) -> list[tuple[Any, ...]]:
        """Channel, state, attempts and failures of every delivery."""
        return self.rows(
            "SELECT channel, state, attempts, failures FROM fanout.deliveries ORDER BY sequence"
        )

    def codes(self) -> list[tuple[Any, ...]]:
        """Channel, result and code of every attempt, in their order."""
        return self.rows(
            "SELECT delivery.channel, attempt.result, attempt.code FROM fanout.attempts AS attempt"
            " JOIN fanout.deliveries AS delivery ON delivery.id::text = attempt.record_id"
            " ORDER BY delivery.sequence, attempt.number"
        )

    def activity(self) -> list[tuple[Any, ...]]:
        """is_processed, error_count and last_error of every row."""
        return self.rows(
            "SELECT is_processed, error_count, last_error FROM activity.notifications"
            " ORDER BY created_at, id"
        )

    def rows(self, statement: str, *parameters: object) -> list[Any]:
        """Return the rows of a query, as the owner."""
        return self.stage.rows(statement, *parameters)

    def execute(self, statement: str, *parameters: object) -> None:
        """Run a statement without rows, as the owner."""
        self.stage.execute(statement, *parameters)


@contextmanager
def open_desk(stage: Stage) -> Iterator[PushDesk]:
    """A desk with both servers, and the channels switched on."""
    with BusServer().serving() as bus, FcmServer().serving() as fcm:
        assert isinstance(bus, BusServer)
        assert isinstance(fcm, FcmServer)
        desk = PushDesk(stage, bus, fcm)
        # Tests of something else ring at any time of the day, as often as they like.
        desk.execute(
            "UPDATE fanout.disturbance SET quiet_from = '00:00', quiet_until = '00:00',"
            " per_hour = 1000000, per_day = 1000000"
        )
        desk.forget()
        desk.run()
        yield desk
        desk.forget()


def tokens(fcm: FcmServer) -> Sequence[str]:
    """The targets of all messages, sorted."""
    return sorted(target for _, target in fcm.taken)


__all__ = ["U1", "U2"]
