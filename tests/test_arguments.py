"""Arguments that cannot be: refused in one line, before anything is opened."""

import pytest

from pipeline.__main__ import main
from pipeline.commands import launch

RUN = ("run", "--subscription", "projects/p/subscriptions/s")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((*RUN, "--max-event-age-hours", "-1"), "an age is not negative"),
        ((*RUN, "--max-event-age-hours", "nan"), "'nan' is no number of hours"),
        ((*RUN, "--batch-size", "0"), "'0' is no number of 1 or more"),
        ((*RUN, "--batch-size", "٣"), "'٣' is no number of 1 or more"),
        (
            (*RUN, "--dead-letter-topic", "dead"),
            "'dead' is no topic: write projects/P/topics/T",
        ),
        (
            ("catch-up", "--every", "soon"),
            "'soon' is no duration: write 90s, 2m, 24h or 7d",
        ),
        (
            ("catch-up", "--every", "99999999999d"),
            "'99999999999d' is longer than can be counted",
        ),
        (("catch-up", "--since", "3000000d"), "'3000000d' ago is before all times"),
        (
            ("catch-up", "--since", "yesterday"),
            "'yesterday' is no time: write 2026-03-02T18:00Z, or 2h for two hours ago",
        ),
    ],
    ids=lambda value: " ".join(value[-2:]) if isinstance(value, tuple) else None,
)
def test_an_argument_that_cannot_be_is_named_with_one_that_can(
    arguments: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as refused:
        main(arguments)
    assert refused.value.code == 2
    assert capsys.readouterr().err.splitlines()[-1] == (
        f"python -m pipeline {arguments[0]}: error: argument {arguments[-2]}: {said}"
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
    assert launch.asked_for(arguments) is meant
