"""Describes the machine of the figures, and its noise during the run."""

import os
import platform
import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

_ROUNDS: Final = 7
_LOOPS: Final = 2_000_000
# A loop varies by this factor only if others use the machine.
_NOISY: Final = 1.3


@dataclass(frozen=True, slots=True)
class Noise:
    """The variation of a fixed loop, at the start and the end: slowest round over fastest."""

    start: float
    end: float

    @property
    def warning(self) -> str:
        """What a report begins with if others used the machine; else nothing."""
        is_noisy = max(self.start, self.end) > _NOISY
        return "**Others used the machine during this run.** " if is_noisy else ""


def describe() -> str:
    """Processor, cores, memory, system and Python, on one line."""
    model = platform.processor() or platform.machine()
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    memory = psutil.virtual_memory().total / 2**30
    return (
        f"{os.cpu_count()} cores of {model}, {memory:.0f} GB,"
        f" {platform.system()}, Python {platform.python_version()}"
    )


def spread() -> float:
    """Return the slowest over the fastest of a few rounds of one loop: 1.0 is a quiet machine."""
    seconds = []
    for _ in range(_ROUNDS):
        started = time.perf_counter()
        for _ in range(_LOOPS):
            pass
        seconds.append(time.perf_counter() - started)
    return max(seconds) / min(seconds)


def median(values: list[float]) -> float:
    """Return the median of several runs."""
    return statistics.median(values)
