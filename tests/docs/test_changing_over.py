"""docs/changing-over.md, as it is followed: nothing of another program is lost or doubled."""

from contextlib import ExitStack
from typing import Final

from tests.docs import test_runbook as runbook
from tests.docs.markdown import commands
from tests.docs.test_runbook import Installation, without_letters
from tests.golden.picture import Picture
from tests.ops.examination import beat, slot
from tests.streams import ROOT

DOCUMENT: Final = (ROOT / "docs/changing-over.md").read_text("utf-8")
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
            commands(DOCUMENT),
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
