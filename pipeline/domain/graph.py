"""The graphs of the pipeline: one per family. Each runs as its own process or job."""

from enum import StrEnum


class Graph(StrEnum):
    """The name of a graph in the command line, in the template and in its heartbeat."""

    FANOUT = "fanout"
    JOBS = "jobs"
    MAIL = "mail"
    PUSH = "push"
    REACTIONS = "reactions"
