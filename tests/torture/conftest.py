"""The rig of the torture tests, and their marker, time limit and report."""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.postgres import Postgres
from tests.databases import Database, Databases
from tests.torture import report
from tests.torture.figures import Figures
from tests.torture.pubsub import PubSub, pubsub
from tests.torture.rig import Rig
from tests.torture.scale import IS_FULL

_HERE = Path(__file__).parent
_SECONDS: defaultdict[str, float] = defaultdict(float)
_FIGURES = pytest.StashKey[Figures]()
_LIMIT_SECONDS = 3_600 if IS_FULL else 300


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(_HERE):
            item.add_marker(pytest.mark.torture)
            item.add_marker(pytest.mark.timeout(_LIMIT_SECONDS))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    _SECONDS[_part(Path(report.fspath))] += report.duration


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, exitstatus: int, config: pytest.Config
) -> None:
    figures = config.stash.get(_FIGURES, None)
    if figures is None:
        return
    terminalreporter.section("the injected faults and the results")
    terminalreporter.write_line(report.summary(figures))
    if IS_FULL and exitstatus == pytest.ExitCode.OK:
        page = report.PATH.read_text()
        for part in figures.complete:
            page = report.with_part(page, part, figures, seconds=_SECONDS[part])
        report.PATH.write_text(page)


@pytest.fixture
def figures(request: pytest.FixtureRequest) -> Figures:
    """Collects the results of the tests."""
    figures = request.config.stash.setdefault(_FIGURES, Figures())
    figures.part = _part(request.path)
    return figures


def _part(path: Path) -> str:
    return path.stem.removeprefix("test_")


@pytest.fixture
def events() -> Iterator[PubSub]:
    """A Pub/Sub that can be restarted."""
    with pubsub() as made:
        yield made


@pytest.fixture
def rig(database: Database, events: PubSub, tmp_path: Path) -> Rig:
    """A fresh database with people in it, and a fresh Pub/Sub."""
    return Rig.over(database, events, tmp_path / "lives.log")


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Postgres]:
    """A cluster that writes to its disk, for one test only."""
    cluster = Postgres(tmp_path / "postgres")
    cluster.start()
    try:
        yield cluster
    finally:
        cluster.stop()
        cluster.remove()


@pytest.fixture
def durable_rig(cluster: Postgres, events: PubSub, tmp_path: Path) -> Iterator[Rig]:
    """A rig on the durable cluster."""
    with Databases.with_template(cluster).migrated() as database:
        yield Rig.over(database, events, tmp_path / "lives.log")
