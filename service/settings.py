"""Settings of the service: validated once, frozen, and passed as arguments."""

from dataclasses import dataclass, field

from pipeline.domain.defaults import SERVICE_PORT
from pipeline.domain.graph import Graph
from pipeline.settings import CaptureNames, DatabaseSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSettings:
    """Where the service listens, and the logins that it uses.

    Attributes:
        host: the address to listen on.
        port: the port; 0 takes a free one.
        operator: the database, with the login for what changes something.
        viewer: the same database, with the login for what only reads.
        names: of Debezium's slot and publication.
        graphs: those that have to run, for ``/ready``; without any: all that ever ran here.
    """

    host: str = "127.0.0.1"
    port: int = SERVICE_PORT
    operator: DatabaseSettings
    viewer: DatabaseSettings
    names: CaptureNames = field(default_factory=CaptureNames)
    graphs: frozenset[Graph] = frozenset()
