"""The graphs of the pipeline: one for each family, each a process or a job of its own."""

from enum import StrEnum


class Graph(StrEnum):
    """A graph by the name that the command line, the template and its heartbeat use."""

    FANOUT = "fanout"
