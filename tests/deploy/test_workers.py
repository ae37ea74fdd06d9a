"""The check before a running job gets more workers, from the parameters of its launch."""

import pytest

from pipeline.runtime.launch.workers import main


@pytest.mark.parametrize(
    ("arguments", "total"),
    [
        (["--workers=9"], "9 workers x 2 processes x 4 = 72 of 100"),
        (["--workers=12"], "12 workers x 2 processes x 4 = 96 of 100"),
        (
            ["--workers=20", "--parameters=max_event_age_hours=48,pool_size=2"],
            "20 workers x 2 processes x 2 = 80 of 100",
        ),
        (
            ["--workers=20", "--parameters=^;;^pool_size=8;;database_connections=400"],
            "20 workers x 2 processes x 8 = 320 of 400",
        ),
        (
            ["--workers=9", "--parameters=pool_size=8", "--parameters=pool_size=5"],
            "9 workers x 2 processes x 5 = 90 of 100",
        ),
        (
            ["--num-workers=2", "--worker-machine-type=n2-standard-4", "--workers=6"],
            "6 workers x 4 processes x 4 = 96 of 100",
        ),
        (
            ["--worker-machine-type", "n2-standard-4", "--workers=6"],
            "6 workers x 4 processes x 4 = 96 of 100",
        ),
        (
            ["--additional-experiments=a,no_use_multiple_sdk_containers", "--workers=25"],
            "25 workers x 1 processes x 4 = 100 of 100",
        ),
    ],
)
def test_as_many_workers_as_the_database_serves_are_granted_with_the_sum(
    arguments: list[str], total: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 0
    assert capsys.readouterr().err == f"Connections to the database: at most {total}\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--workers=13"], "= 104, more than the 100 of --database_connections"),
        (["--workers=9", "--parameters=pool_size=6"], "= 108, more than the 100"),
        (
            ["--workers=9", "--parameters=pool_size=many"],
            "--pool_size: invalid number of connections 'many': expected a number such as 4,",
        ),
        (["--workers=9", "--worker-machine-type=e2-medium"], "expected a name with its number of"),
    ],
)
def test_more_are_refused_in_one_line(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert said in line


@pytest.mark.parametrize("number", ["many", "0", "-1", "10000", "1e1", ""])
def test_what_is_no_number_of_workers_is_refused(
    number: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main([f"--workers={number}"])
    assert ended.value.code == 2
    assert "expected a number such as 9" in capsys.readouterr().err
