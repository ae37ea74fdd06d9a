"""Invalid arguments: refused in one line, before anything is opened."""

import itertools

import pytest

from pipeline.__main__ import main
from pipeline.commands import launch

MOST = 2**63 - 1
USER = "5b1f0f0e-6a53-4a3c-8f3e-2f6f3d2c9a10"
RUN = ("run", "--subscription", "projects/p/subscriptions/s")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            (*RUN, "--max-event-age-hours", "-1"),
            "invalid number of hours '-1': expected a number such as 24 or 0.5, at most 99,999",
        ),
        (
            (*RUN, "--max-event-age-hours", "nan"),
            "invalid number of hours 'nan': expected a number such as 24 or 0.5, at most 99,999",
        ),
        (
            (*RUN, "--batch-size", "0"),
            "invalid number of events '0': expected a number such as 500, from 1 to 9,999",
        ),
        (
            (*RUN, "--batch-size", "٣"),
            "invalid number of events '٣': expected a number such as 500, from 1 to 9,999",
        ),
        (
            (*RUN, "--dead-letter-topic", "dead"),
            "invalid topic 'dead': expected projects/P/topics/T",
        ),
        (
            (*RUN, "--graph", "post"),
            "invalid graph 'post': expected fanout, jobs, mail, push, reactions or all",
        ),
        (
            ("run", "--subscription", "s"),
            "invalid subscription 's': expected projects/P/subscriptions/S",
        ),
        (
            (*RUN, "--system-user", "ann"),
            f"invalid list of UUIDs 'ann': expected {USER}, or several with commas between them",
        ),
        (
            ("why", "--event", "1", "--user", "ann"),
            f"invalid UUID 'ann': expected {USER}",
        ),
        (
            ("why", "--delivery", "7"),
            f"invalid UUID '7': expected {USER}",
        ),
        (
            ("dead-letters", "show", "--id", "0"),
            f"invalid id of a dead letter '0': expected a number such as 7, from 1 to {MOST:,}",
        ),
        (
            ("doctor", "--cdc-port", "70000"),
            "invalid port '70000': expected a number such as 5432, from 1 to 65,535",
        ),
        (
            ("catch-up", "--every", "soon"),
            "invalid duration 'soon': expected 90s, 2m, 24h or 7d",
        ),
        (
            ("catch-up", "--every", "99999999999d"),
            "invalid duration '99999999999d': expected at most 999999999d",
        ),
        (
            ("catch-up", "--since", "3000000d"),
            "invalid time '3000000d': expected a time after the year 1",
        ),
        (
            ("catch-up", "--since", "yesterday"),
            "invalid time 'yesterday': expected 2026-03-02T18:00Z, or 2h for two hours ago",
        ),
    ],
    ids=lambda value: " ".join(value[-2:]) if isinstance(value, tuple) else None,
)
def test_an_invalid_argument_is_named_with_a_valid_one(
    arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as refused:
        main(arguments)
    assert refused.value.code == 2
    command = " ".join(itertools.takewhile(lambda word: not word.startswith("-"), arguments))
    assert capsys.readouterr().err.splitlines()[-1] == (
        f"python -m pipeline {command}: error: argument {arguments[-2]}: {said}"
    )


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (["run", "--runner=DataflowRunner"], True),
        (["run", "--update", "--runner", "DataflowRunner"], True),
        (["run", "--runner=DataflowRunnerV2"], False),
        (["run", "--runner", "DirectRunner", "--subscription", "DataflowRunner"], False),
        (["catch-up", "--runner=DataflowRunner"], False),
        ([], False),
    ],
    ids=lambda value: " ".join(value) or "nothing" if isinstance(value, list) else None,
)
def test_a_launch_is_told_from_the_local_run_by_the_runners_whole_name(
    arguments: list[str],
    meant: bool,  # noqa: FBT001
) -> None:
    assert launch.is_launch(arguments) is meant
