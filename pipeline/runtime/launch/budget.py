"""How many connections a job may open at most, beside how many the database grants it."""

import re
from dataclasses import dataclass
from typing import Final

from pipeline.domain.errors import ConfigurationError

# A worker runs a process for each vCPU: n2-standard-4 has four, n2-custom-6-8192 six, and
# e2-custom-medium-2048 does not say.
_VCPUS: Final = re.compile(r"(?:[a-z]\w*-)?[a-z]+-(\d+)(?:-\d+)?(?:-[a-z]+)?")
# The experiment by which a worker runs one process, whatever its machine.
ONE_PROCESS: Final = "no_use_multiple_sdk_containers"


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """The connections of a job.

    Attributes:
        workers: as many as autoscaling may start.
        processes: of each worker.
        pool_size: connections of a process.
        granted: what the database grants the job.
    """

    workers: int
    processes: int
    pool_size: int
    granted: int

    @property
    def most(self) -> int:
        """Open at the same time, when every process uses all of its pool."""
        return self.workers * self.processes * self.pool_size

    def check(self) -> None:
        """Return if that is granted.

        Raises:
            ConfigurationError: it is not.
        """
        if self.most > self.granted:
            raise ConfigurationError(
                f"{self.workers} workers of {self.processes} processes with {self.pool_size}"
                f" connections each come to {self.most}, over the {self.granted} of"
                " --database_connections: lower --max_num_workers or --pool_size, or grant more"
            )

    def __str__(self) -> str:
        """The sum, as a person would write it."""
        return (
            f"{self.workers} workers x {self.processes} processes x {self.pool_size}"
            f" = {self.most} of {self.granted}"
        )


def vcpus(machine_type: str) -> int:
    """The vCPUs of a machine type, by its name.

    Raises:
        ConfigurationError: the name does not say.
    """
    match = _VCPUS.fullmatch(machine_type)
    if match is None:
        raise ConfigurationError(
            f"--machine_type {machine_type} does not say how many vCPUs it has: use one that does,"
            " such as n2-standard-2"
        )
    return int(match[1])
