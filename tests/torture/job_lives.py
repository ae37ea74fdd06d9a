"""Lives of a scheduled job: each runs a tick in its own process, and may die at a statement."""

import signal
from multiprocessing.sharedctypes import RawValue
from typing import Any, Self

from tests.torture.job_worker import Death, JobPlace, JobState, run_job
from tests.torture.lives import CONTEXT, START_SECONDS, start_fork_server


class JobLife:
    """A process to which the tick of a job is delivered, from its start to its end."""

    def __init__(self, place: JobPlace, death: Death | None = None) -> None:
        start_fork_server()
        self._place = place
        self._state: Any = RawValue(JobState)
        self._process = CONTEXT.Process(
            target=run_job, args=(place, self._state, death), daemon=True
        )
        self._process.start()

    @property
    def statements(self) -> int:
        """How many statements it has sent."""
        return int(self._state.statements)

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self._process.is_alive()

    def wait_for_death(self) -> bool:
        """Return when it has killed itself: true; or when it has ended before: false."""
        code = self._exit_code()
        assert code in {0, -signal.SIGKILL}, self._log
        return code != 0

    def wait_for_end(self) -> None:
        """Return when it has done all that is due."""
        assert self._exit_code() == 0, self._log

    def _exit_code(self) -> int | None:
        self._process.join(START_SECONDS)
        return self._process.exitcode

    @property
    def _log(self) -> str:
        return self._place.log.read_text() if self._place.log.exists() else ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.join()
