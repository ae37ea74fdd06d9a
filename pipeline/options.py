"""The parameters of a job on Dataflow: what the console asks for, and the command line takes.

One table, from which come the options of the pipeline, the help of the command line and
``flex_template.json``. Secrets are named, never given: options are shown in the console.
"""

import argparse
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from apache_beam.options.pipeline_options import PipelineOptions

from pipeline.settings import GRANTED_CONNECTIONS

# https://cloud.google.com/secret-manager/docs/reference/rest/v1/projects.secrets.versions
_RESOURCE_NAME: Final = r"projects/[^/\s]+/secrets/[A-Za-z0-9_-]{1,255}(/versions/(latest|[0-9]+))?"
# As Pub/Sub names its resources: https://cloud.google.com/pubsub/docs/pubsub-basics#resource_names
_PROJECT: Final = "[a-z][-a-z0-9:.]{4,61}[a-z0-9]"
_NAME: Final = "[A-Za-z][-A-Za-z0-9._~+%]{2,254}"
_UUID: Final = "[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
# In the place of an attribute's name: the time at which Pub/Sub accepted the message.
PUBLISH_TIME: Final = "publish_time"
# What a connection string may set: none of these holds a secret, or is set elsewhere.
_URL_SETTING: Final = r"(sslmode|channel_binding|hostaddr|target_session_attrs)=[^&%\s]*"


class Kind(StrEnum):
    """How the console asks for a parameter; names of Dataflow's ``ParameterType``."""

    TEXT = "TEXT"
    NUMBER = "NUMBER"
    SUBSCRIPTION = "PUBSUB_SUBSCRIPTION"
    TOPIC = "PUBSUB_TOPIC"


class Group(StrEnum):
    """The heading under which a parameter stands."""

    EVENTS = "Events"
    DATABASE = "Database"
    BEHAVIOUR = "Behaviour"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One parameter.

    Attributes:
        name: as on the command line, without dashes.
        label: what the console shows.
        help: a sentence; what it is for.
        group: the heading it stands under.
        pattern: a value matches this regular expression as a whole.
        example: what the error for a missing or wrong value shows.
        kind: how the console asks for it.
        default: what it is when it is not given; None: it must be given.
    """

    name: str
    label: str
    help: str
    group: Group
    pattern: str
    example: str
    kind: Kind = Kind.TEXT
    default: str | None = None

    @property
    def required(self) -> bool:
        """Whether it must be given."""
        return self.default is None

    def accepts(self, value: str) -> bool:
        """Whether the value is one it can have; the empty one stands for none where it may."""
        return re.fullmatch(self.pattern, value) is not None or (not value and self.default == "")


PARAMETERS: Final = (
    Parameter(
        name="subscription",
        label="Subscription of the events",
        help="The Pub/Sub subscription that change data capture fills, one per job.",
        group=Group.EVENTS,
        pattern=rf"projects/{_PROJECT}/subscriptions/{_NAME}",
        example="projects/my-project/subscriptions/fanout-pipeline",
        kind=Kind.SUBSCRIPTION,
    ),
    Parameter(
        name="dead_letter_topic",
        label="Topic for dead letters",
        help="Where events go that cannot be processed, besides the table event_dead_letters.",
        group=Group.EVENTS,
        pattern=rf"projects/{_PROJECT}/topics/{_NAME}",
        example="projects/my-project/topics/domain-events-dead",
        kind=Kind.TOPIC,
    ),
    Parameter(
        name="timestamp_attribute",
        label="Where an event's time comes from",
        help=f"{PUBLISH_TIME} is when Pub/Sub accepted the message. The name of an attribute, such"
        " as created_at, needs more rights: see deploy/service-accounts.md.",
        group=Group.EVENTS,
        pattern=r"[A-Za-z0-9_.-]{1,256}",
        example=PUBLISH_TIME,
        default=PUBLISH_TIME,
    ),
    Parameter(
        name="database_url",
        label="Database",
        help="The Postgres database, without a password. Connections are encrypted and the server"
        " is verified: sslmode is verify-full unless it says verify-ca.",
        group=Group.DATABASE,
        pattern=r"postgres(ql)?://[^:@/?\s]+@[^@/?\s]+/[^/?\s]+"
        rf"(\?{_URL_SETTING}(&{_URL_SETTING})*)?",
        example="postgresql://fanout_pipeline@10.20.0.3:5432/app",
    ),
    Parameter(
        name="database_password_secret",
        label="Secret with the database password",
        help="The name of a secret in Secret Manager; workers read it, nobody else sees it.",
        group=Group.DATABASE,
        pattern=_RESOURCE_NAME,
        example="projects/my-project/secrets/fanout-database-password",
    ),
    Parameter(
        name="database_ca_secret",
        label="Secret with the database server's certificate authority",
        help="The name of a secret that holds the certificates, in PEM, by which the server is"
        " verified.",
        group=Group.DATABASE,
        pattern=_RESOURCE_NAME,
        example="projects/my-project/secrets/fanout-server-ca",
    ),
    Parameter(
        name="database_connections",
        label="Connections the database grants the job",
        help="Workers at most, times processes of each, times pool_size, may not exceed this.",
        group=Group.DATABASE,
        pattern=r"[1-9][0-9]{0,4}",
        example="100",
        kind=Kind.NUMBER,
        default=str(GRANTED_CONNECTIONS),
    ),
    Parameter(
        name="pool_size",
        label="Connections of a process",
        help="The most that one process opens; a worker runs a process for each of its vCPUs.",
        group=Group.DATABASE,
        pattern=r"[1-9][0-9]?",
        example="4",
        kind=Kind.NUMBER,
        default="4",
    ),
    Parameter(
        name="max_event_age_hours",
        label="Age limit in hours",
        help="Events of this age are recorded as expired and told to nobody.",
        group=Group.BEHAVIOUR,
        pattern=r"[0-9]{1,5}(\.[0-9]+)?",
        example="24",
        kind=Kind.NUMBER,
        default="24",
    ),
    Parameter(
        name="system_users",
        label="Profiles that stand for programs",
        help="Their ids, separated by commas; they are never told anything, nor is the AI user.",
        group=Group.BEHAVIOUR,
        pattern=f"{_UUID}(,{_UUID})*",
        example="5b1f0f0e-6a53-4a3c-8f3e-2f6f3d2c9a10",
        default="",
    ),
    Parameter(
        name="batch_size",
        label="Events of a statement",
        help="The most events that are decided and written at once.",
        group=Group.BEHAVIOUR,
        pattern=r"[1-9][0-9]{0,3}",
        example="500",
        kind=Kind.NUMBER,
        default="500",
    ),
    Parameter(
        name="dedup_minutes",
        label="Minutes for which repeated messages are dropped",
        help="Drop repeated messages by state for so many minutes; 0 (the default) leaves that to"
        " the source, Fetch and the ledger.",
        group=Group.BEHAVIOUR,
        pattern=r"[0-9]{1,4}",
        example="60",
        kind=Kind.NUMBER,
        default="0",
    ),
)


class FanoutOptions(PipelineOptions):
    """The parameters as options of the pipeline; texts, as they were given."""

    @classmethod
    def _add_argparse_args(cls, parser: argparse.ArgumentParser) -> None:
        for parameter in PARAMETERS:
            parser.add_argument(f"--{parameter.name}", default=parameter.default)
