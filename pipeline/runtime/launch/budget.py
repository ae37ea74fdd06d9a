"""The maximum number of database connections of a job, and the number that is granted."""

import re
from dataclasses import dataclass
from typing import Final

from pipeline.domain.errors import ConfigurationError

# A worker runs a process for each vCPU: n2-standard-4 has four, n2-custom-6-8192 has six. The name
# e2-custom-medium-2048 has no number of vCPUs.
_VCPUS: Final = re.compile(r"(?:[a-z]\w*-)?[a-z]+-(\d+)(?:-\d+)?(?:-[a-z]+)?")
# With this experiment a worker runs one process on any machine type.
ONE_PROCESS: Final = "no_use_multiple_sdk_containers"


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """The connections of a job.

    Attributes:
        workers: the maximum number of workers that autoscaling may start.
        processes: the number of processes of a worker.
        pool_size: the number of connections of a process.
        granted: the number of connections that the database grants the job.
    """

    workers: int
    processes: int
    pool_size: int
    granted: int

    @property
    def most(self) -> int:
        """The connections that are open when every process uses its whole pool."""
        return self.workers * self.processes * self.pool_size

    def check(self) -> None:
        """Check that the database grants the maximum number of connections.

        Raises:
            ConfigurationError: the maximum is higher than the granted number.
        """
        if self.most > self.granted:
            raise ConfigurationError(
                f"{self.workers} workers x {self.processes} processes x {self.pool_size}"
                f" connections = {self.most}, more than the {self.granted} of"
                " --database_connections: lower --max_num_workers or --pool_size, or grant more"
                " connections"
            )

    def __str__(self) -> str:
        """Return the calculation for people."""
        return (
            f"{self.workers} workers x {self.processes} processes x {self.pool_size}"
            f" = {self.most} of {self.granted}"
        )


def vcpus(machine_type: str) -> int:
    """Return the number of vCPUs in the name of a machine type.

    Raises:
        ConfigurationError: the name has no number of vCPUs.
    """
    match = _VCPUS.fullmatch(machine_type)
    if match is None:
        raise ConfigurationError(
            f"invalid --machine_type {machine_type!r}: expected a name with its number of vCPUs,"
            " such as n2-standard-2"
        )
    return int(match[1])
