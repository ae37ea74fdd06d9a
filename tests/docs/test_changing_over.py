"""docs/changing-over.md, as it is followed: nothing of another program is lost or doubled."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Final

import pytest

from local.postgres.home import PROGRAMS
from local.resend import ResendServer
from tests.docs import test_runbook as runbook
from tests.docs.markdown import commands
from tests.docs.test_runbook import Installation, without_letters
from tests.golden.picture import Picture
from tests.golden.stage import Stage
from tests.ops.examination import beat, slot
from tests.steps.mail.desk import KEY, MailDesk
from tests.streams import ROOT

DOCUMENT: Final = (ROOT / "docs/changing-over.md").read_text("utf-8")
MAIL: Final = "Another sender of mail"
# What a pipeline wrote becomes what a program wrote that knows none of our columns.
FOREIGN: Final = """
    UPDATE notifications SET kind = NULL, counter_thread_id = NULL;
    UPDATE notification_processing
    SET processor_id = 'gcp-notify-fan-out', pipeline_version = NULL, claimed_at = completed_at
"""


def work_as_another_program(installation: Installation, events: list[int]) -> None:
    """Do with every other event, so that a chat is half told."""
    installation.stage.deliver(*events[::2])
    installation.stage.execute(FOREIGN)


installation = runbook.installation
told = runbook.told


@pytest.fixture
def resend() -> Iterator[ResendServer]:
    """A provider that takes everything."""
    with ResendServer().serving() as server:
        server.api_keys.add(KEY)
        server.reserved_is_refused = False
        yield server


def test_what_another_program_left_is_neither_lost_nor_told_twice(
    installation: Installation, told: Picture
) -> None:
    stage = installation.stage
    events = installation.insert()
    work_as_another_program(installation, events)
    installation.publish(events)
    with ExitStack() as running:
        running.enter_context(slot(stage.database))

        def start() -> None:
            running.enter_context(installation.stream)
            installation.wait_for(events)
            beat(stage.database, "1 second")

        def an_hour_passes() -> None:
            stage.execute(
                "UPDATE notification_processing SET completed_at = now() - interval '2 hours'"
                " WHERE processor_id <> 'fanout'"
            )

        installation.shell.follow(
            [each for each in commands(DOCUMENT) if each.heading != MAIL],
            at={"pipeline catch-up": start, "--subscription": an_hour_passes},
        )
        installation.stop_when_all_is_taken(len(events))
    assert without_letters(stage) == told


def test_control_without_the_keys_counters_are_doubled(
    installation: Installation, told: Picture
) -> None:
    stage = installation.stage
    events = installation.insert()
    work_as_another_program(installation, events)
    stage.deliver()
    assert len(stage.rows("SELECT FROM notifications")) > len(told["notifications"])


def test_the_older_sender_of_mail_sends_what_is_older_and_ours_the_rest(
    stage: Stage, resend: ResendServer
) -> None:
    desk = MailDesk(stage, resend)
    desk.forget()
    older = [desk.email() for _ in range(3)]
    asked = [each.text for each in commands(DOCUMENT) if each.heading == MAIL]

    def answers() -> list[str]:
        environment = {"PATH": os.environ["PATH"], "DATABASE_URL": stage.database.dsn}
        return [
            subprocess.run(
                ["/bin/sh", "-c", f'PATH="$PATH:{PROGRAMS}"; {each}'],
                env=environment,
                capture_output=True,
                text=True,
                check=True,
            ).stdout.strip()
            for each in asked
        ]

    desk.run()
    ours = desk.email()
    desk.run()
    since, waiting = answers()
    assert (since != "", waiting) == (True, "3")
    assert desk.rows("SELECT id FROM pending_emails WHERE status = 'sent'") == [(ours,)]
    # The older program sends the others, and then may be stopped.
    desk.execute("UPDATE pending_emails SET status = 'sent' WHERE id = ANY (%s)", older)
    assert answers()[1] == "0"
    # Back again: nothing is left to it that we may have sent.
    assert desk.rows("SELECT count(*) FROM pending_emails WHERE status <> 'sent'") == [(0,)]
    assert len(resend.accepted) == 1
    desk.forget()
