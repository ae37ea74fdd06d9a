"""Rows that are to be pushed, and a worker that does one round of it in a process of its own."""

import os

from tests.golden.world import U2, U3
from tests.programs import Program
from tests.steps.push.desk import PushDesk
from tests.steps.push.servers import PROJECT, TOKEN


def work(desk: PushDesk, channel: str, step: str = "none", weakness: str = "none") -> int:
    """Run a worker; return how it ended."""
    environment = os.environ | {
        "DATABASE_URL": desk.stage.database.push_dsn,
        "WEBSOCKET_BUS_URL": desk.bus.url,
        "SERVICE_TOKEN": TOKEN,
        "FCM_PROJECT_ID": PROJECT,
        "FCM_BASE_URL": desk.fcm.url,
        "GOOGLE_APPLICATION_CREDENTIALS": desk.fcm.credentials,
    }
    program = Program("tests.steps.push.killed", channel, step, weakness, environment=environment)
    with program:
        return program.wait(60)


def write(desk: PushDesk, rows: int) -> None:
    """Let a service write so many rows for each person."""
    for user in (U2, U3):
        desk.execute(
            "INSERT INTO activity.notifications (user_id, title, message)"
            " SELECT %s, 'Hello', n::text FROM generate_series(1, %s) AS n",
            user, rows,
        )  # fmt: skip
