"""Checks that pushes are sent."""

from collections.abc import Mapping
from typing import Final

from pipeline.clients.postgres.session import working
from pipeline.ops.doctor.check import Check, Finding, failed, ok, warning
from pipeline.ops.doctor.installation import Installation
from pipeline.ops.push.figures import ChannelFigures, read_pushes

_RUN: Final = "python -m pipeline run --graph push"


def judge_pushes(pushes: Mapping[str, ChannelFigures] | None) -> Finding:
    """Judge whether pushes wait though they could be sent, or most of them fail."""
    if pushes is None:
        return ok("the family push is not installed")
    stuck = [words for name, each in pushes.items() for words in each.standstills(name)]
    if stuck:
        return failed("; ".join(stuck), f"start it, or see its log: {_RUN}")
    failing = [words for name, each in pushes.items() for words in each.failures(name)]
    if failing:
        return warning(
            "; ".join(failing),
            "see why: SELECT channel, reason, count(*) FROM fanout.deliveries WHERE state = 'dead'"
            " AND finished_at > now() - interval '1 hour' GROUP BY 1, 2",
        )
    return ok("none is late, and few have failed")


def _pushes(installation: Installation) -> Finding:
    connection = installation.connection()
    with working(connection):
        return judge_pushes(read_pushes(connection))


CHECKS: Final = (Check("pushes", "fanout.deliveries", _pushes),)
