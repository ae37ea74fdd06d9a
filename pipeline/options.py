"""Declares every parameter that commands share or that Dataflow asks for.

The arguments of the command line, their help, the options of the job, ``flex_template.json`` and
the typed values come from these declarations. A parameter holds the name of a secret, never the
secret itself, because the console shows a job's options.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final, Generic

from pipeline import values
from pipeline.domain import defaults
from pipeline.domain.graph import Graph
from pipeline.values import InvalidValue, Kind, ValueT

# The default name of the job.
JOB_NAME: Final = "fanout"
# The default machine type of the workers.
MACHINE_TYPE: Final = "n2-standard-2"
# Threads that hold no connection: one reads the next batch, one passes on the last batch.
SPARE_THREADS: Final = 2
# A value of timestamp_attribute: the time at which Pub/Sub accepted the message.
PUBLISH_TIME: Final = "publish_time"
DIRECT_RUNNER: Final = "DirectRunner"
DATAFLOW_RUNNER: Final = "DataflowRunner"


class ParameterGroup(StrEnum):
    """The heading above a group of parameters."""

    EVENTS = "Events"
    DATABASE = "Database"
    BEHAVIOUR = "Behaviour"
    JOBS = "Scheduled jobs"
    MAIL = "Mail"
    PUSH = "Push"


class Taker(StrEnum):
    """A command that accepts parameters."""

    RUN = "run"
    LAUNCH = "run --runner=DataflowRunner"
    CATCH_UP = "catch-up"
    REPLAY = "replay"
    JOB = "job"
    DOCTOR = "doctor"
    SERVE = "serve"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter(Generic[ValueT]):
    """One parameter.

    Attributes:
        name: its name on Dataflow. The command line writes it with dashes.
        label: its name in the console.
        help: what it is for. The help of a command shows it as one sentence.
        group: its heading.
        kind: the kind of its values.
        takers: the commands that accept it.
        needed_by: the commands that need it to start.
        default: its value if it is not given; None if it has no default.
        example: a value for the help and for the error if it is missing; else the default is shown.
        metavar: stands for the value in the help of a command.
        repeated: the name of the flag if it may be given several times, each with one value.
    """

    name: str
    label: str = ""
    help: str
    group: ParameterGroup = ParameterGroup.BEHAVIOUR
    kind: Kind[ValueT]
    takers: tuple[Taker, ...]
    needed_by: tuple[Taker, ...] = ()
    default: ValueT | None = None
    example: str = ""
    metavar: str
    repeated: str = ""

    @property
    def default_text(self) -> str | None:
        """The default as text; None if there is no default."""
        return None if self.default is None else self.kind.write(self.default)

    @property
    def shown(self) -> str:
        """An example of a value."""
        return self.example or self.default_text or ""


class ParameterValues:
    """The values that a command was given. Each has the type of its parameter."""

    def __init__(self, known: Mapping[str, Any]) -> None:
        self._values = known

    def __getitem__(self, parameter: Parameter[ValueT]) -> ValueT:
        """Return the value of a parameter that is needed or has a default."""
        value = self.get(parameter)
        if value is None:
            raise KeyError(parameter.name)
        return value

    def get(self, parameter: Parameter[ValueT]) -> ValueT | None:
        """Return the value or the default; None if there is neither."""
        value: ValueT | None = self._values.get(parameter.name, parameter.default)
        return value


@contextmanager
def named(parameter: str) -> Iterator[None]:
    """Add the name of the parameter to the error for an invalid value, as argparse does."""
    try:
        yield
    except InvalidValue as error:
        raise InvalidValue(f"argument --{parameter}: {error}") from None


def read(parameters: Iterable[Parameter[Any]], texts: Mapping[str, str]) -> ParameterValues:
    """Read the values of parameters from texts.

    Raises:
        InvalidValue: a value is invalid. The text is the one of the command line.
    """
    found = {}
    for each in parameters:
        with named(each.name):
            found[each.name] = each.kind.parse(texts[each.name])
    return ParameterValues(found)


_EVENTS_ARE_PROCESSED: Final = (Taker.RUN, Taker.LAUNCH, Taker.CATCH_UP)
_ON_DATAFLOW: Final = (Taker.LAUNCH,)

SUBSCRIPTION: Final = Parameter(
    name="subscription",
    label="Subscription of the graph",
    help="The Pub/Sub subscription that the graph reads, one per graph: of events, of ticks, or of"
    " deliveries.",
    group=ParameterGroup.EVENTS,
    kind=values.SUBSCRIPTION,
    takers=(Taker.RUN, Taker.LAUNCH, Taker.DOCTOR),
    needed_by=(Taker.RUN, Taker.LAUNCH),
    example="projects/my-project/subscriptions/fanout-pipeline",
    metavar=values.SUBSCRIPTION.expected,
)
DEAD_LETTER_TOPIC: Final = Parameter(
    name="dead_letter_topic",
    label="Topic for dead letters",
    help="The topic for events that cannot be processed, in addition to event_dead_letters.",
    group=ParameterGroup.EVENTS,
    kind=values.TOPIC,
    takers=(*_EVENTS_ARE_PROCESSED, Taker.DOCTOR),
    needed_by=_ON_DATAFLOW,
    example="projects/my-project/topics/domain-events-dead",
    metavar=values.TOPIC.expected,
)
TIMESTAMP_ATTRIBUTE: Final = Parameter(
    name="timestamp_attribute",
    label="Source of an event's time",
    help=f"{PUBLISH_TIME} is the time at which Pub/Sub accepted the message. The name of an"
    " attribute, such as created_at, needs more rights: see deploy/service-accounts.md.",
    group=ParameterGroup.EVENTS,
    kind=values.ATTRIBUTE,
    takers=_ON_DATAFLOW,
    default=PUBLISH_TIME,
    metavar="NAME",
)
JOBS_SUBSCRIPTION: Final = Parameter(
    name="jobs_subscription",
    help="The subscription that receives the ticks of the scheduled jobs, for --graph all.",
    group=ParameterGroup.EVENTS,
    kind=values.SUBSCRIPTION,
    takers=(Taker.RUN,),
    metavar=values.SUBSCRIPTION.expected,
)
MAIL_SUBSCRIPTION: Final = Parameter(
    name="mail_subscription",
    help="The subscription that receives the deliveries to send, for --graph all; without it no"
    " mail is sent.",
    group=ParameterGroup.EVENTS,
    kind=values.SUBSCRIPTION,
    takers=(Taker.RUN,),
    metavar=values.SUBSCRIPTION.expected,
)
PUSH_SUBSCRIPTION: Final = Parameter(
    name="push_subscription",
    help="The subscription that receives the deliveries to push, for --graph all; without it"
    " nothing is pushed.",
    group=ParameterGroup.EVENTS,
    kind=values.SUBSCRIPTION,
    takers=(Taker.RUN,),
    metavar=values.SUBSCRIPTION.expected,
)
REACTIONS_SUBSCRIPTION: Final = Parameter(
    name="reactions_subscription",
    help="The subscription that receives the events of reactions, for --graph all; without it these"
    " events are not processed.",
    group=ParameterGroup.EVENTS,
    kind=values.SUBSCRIPTION,
    takers=(Taker.RUN,),
    metavar=values.SUBSCRIPTION.expected,
)
TICK_TOPIC: Final = Parameter(
    name="tick_topic",
    help="Publish the ticks of the scheduled jobs to this topic; without it, Cloud Scheduler does.",
    group=ParameterGroup.EVENTS,
    kind=values.TOPIC,
    takers=(Taker.RUN,),
    metavar=values.TOPIC.expected,
)
DATABASE_URL: Final = Parameter(
    name="database_url",
    label="Database",
    help="The Postgres database, without a password. Connections are encrypted and verify the"
    " server: sslmode is verify-full, unless the URL sets verify-ca.",
    group=ParameterGroup.DATABASE,
    kind=values.DATABASE_URL,
    takers=_ON_DATAFLOW,
    needed_by=_ON_DATAFLOW,
    example="postgresql://fanout_pipeline@10.20.0.3:5432/app",
    metavar="URL",
)
DATABASE_PASSWORD_SECRET: Final = Parameter(
    name="database_password_secret",
    label="Secret with the database password",
    help="The name of a secret in Secret Manager. Only the workers read its value.",
    group=ParameterGroup.DATABASE,
    kind=values.SECRET,
    takers=_ON_DATAFLOW,
    needed_by=_ON_DATAFLOW,
    example="projects/my-project/secrets/fanout-database-password",
    metavar="NAME",
)
DATABASE_CA_SECRET: Final = Parameter(
    name="database_ca_secret",
    label="Secret with the database server's certificate authority",
    help="The name of a secret with the certificates, in PEM, that verify the server.",
    group=ParameterGroup.DATABASE,
    kind=values.SECRET,
    takers=_ON_DATAFLOW,
    needed_by=_ON_DATAFLOW,
    example="projects/my-project/secrets/fanout-server-ca",
    metavar="NAME",
)
DATABASE_CONNECTIONS: Final = Parameter(
    name="database_connections",
    label="Connections the database grants the job",
    help="The limit for: workers at most, times processes per worker, times pool_size.",
    group=ParameterGroup.DATABASE,
    kind=values.CONNECTIONS,
    takers=_ON_DATAFLOW,
    default=defaults.GRANTED_CONNECTIONS,
    metavar="NUMBER",
)
POOL_SIZE: Final = Parameter(
    name="pool_size",
    label="Connections per process",
    help="The most connections that one process opens. A worker runs one process per vCPU.",
    group=ParameterGroup.DATABASE,
    kind=values.count("number of connections", such_as=defaults.POOL_SIZE, most=99),
    takers=_ON_DATAFLOW,
    default=defaults.POOL_SIZE,
    metavar="NUMBER",
)
GRAPH: Final = Parameter(
    name="graph",
    label="Graph",
    help="The graph to run. On one machine only: all, each in its own process.",
    kind=values.GRAPHS,
    takers=(Taker.RUN, Taker.LAUNCH),
    default=(Graph.FANOUT,),
    metavar="NAME",
)
CALENDAR_CLIENT: Final = Parameter(
    name="calendar_client",
    label="OAuth client of the calendars",
    help="The client with which people connected their calendars, to renew watches in graph=jobs.",
    group=ParameterGroup.JOBS,
    kind=values.CLIENT,
    takers=_ON_DATAFLOW,
    default="",
    example="123-abc.apps.googleusercontent.com",
    metavar="ID",
)
CALENDAR_CLIENT_SECRET: Final = Parameter(
    name="calendar_client_secret",
    label="Secret with the secret of this client",
    help="The name of a secret in Secret Manager. Only the workers read its value.",
    group=ParameterGroup.JOBS,
    kind=values.ANY_SECRET,
    takers=_ON_DATAFLOW,
    default="",
    example="projects/my-project/secrets/calendar-client",
    metavar="NAME",
)
CALENDAR_WEBHOOK: Final = Parameter(
    name="calendar_webhook",
    label="Address that Google calls when a calendar changes",
    help="An address of the application, of a domain that is verified in the Google Cloud console.",
    group=ParameterGroup.JOBS,
    kind=values.WEBHOOK,
    takers=_ON_DATAFLOW,
    default="",
    example="https://app.example.com/calendar",
    metavar="URL",
)


def _of_mail(
    name: str,
    label: str,
    help_text: str,
    example: str,
    kind: Kind[str] = values.LINE,
    *,
    group: ParameterGroup = ParameterGroup.MAIL,
) -> Parameter[str]:
    """Return a parameter of graph=mail: on one machine it is a variable of the environment."""
    return Parameter(
        name=name,
        label=label,
        help=help_text,
        group=group,
        kind=kind,
        takers=_ON_DATAFLOW,
        default="",
        example=example,
        metavar="TEXT",
    )


# The values of the variables of the environment with the same names in capital letters.
OF_MAIL: Final = (
    _of_mail(
        "email_from",
        "Sender of mail",
        "Who mail is from, in graph=mail.",
        "Acme <notifications@acme.example>",
    ),
    _of_mail(
        "email_providers",
        "Providers of mail",
        "Through whom mail is sent: resend, smtp, or both in their order.",
        "resend,smtp",
        values.PROVIDERS,
    ),
    _of_mail(
        "email_reply_to",
        "Who gets the answers to mails",
        "By default the sender.",
        "Acme <help@acme.example>",
    ),
    _of_mail(
        "resend_api_key_secret",
        "Secret with the key of Resend",
        "The name of a secret in Secret Manager. Only the workers read its value.",
        "projects/my-project/secrets/resend-key",
        values.ANY_SECRET,
    ),
    _of_mail(
        "smtp_url_secret",
        "Secret with the address of a mail server",
        "The name of a secret in Secret Manager. Only the workers read its value.",
        "projects/my-project/secrets/smtp-url",
        values.ANY_SECRET,
    ),
    _of_mail(
        "public_url",
        "Address of the HTTP service",
        "Where the service is reached from outside. With it, digests and nudges have a link to"
        " unsubscribe.",
        "https://notify.acme.example",
        values.WEBHOOK,
    ),
    _of_mail(
        "unsubscribe_secret",
        "Secret with the secret of links to unsubscribe",
        "The name of a secret in Secret Manager, the same as that of the service. Only the workers"
        " read its value.",
        "projects/my-project/secrets/fanout-unsubscribe",
        values.ANY_SECRET,
    ),
    _of_mail("brand_name", "Brand", "Whose mails these are.", "Acme"),
    _of_mail(
        "brand_url",
        "Site",
        "The address of your site. Links in mails are joined to its root.",
        "https://app.acme.example",
        values.WEBHOOK,
    ),
    _of_mail(
        "brand_colour", "Colour", "The colour of buttons and links.", "#1f4fd8", values.COLOUR
    ),
    _of_mail(
        "brand_logo_url",
        "Logo",
        "An image for the header of a mail.",
        "https://app.acme.example/logo.png",
        values.WEBHOOK,
    ),
    _of_mail(
        "brand_address",
        "Postal address",
        "Your postal address, for the footer.",
        "Acme, 1 Mill Street, Springfield",
    ),
    _of_mail(
        "brand_preferences",
        "Page for preferences",
        "The path of the page where people choose what they get.",
        "/settings/notifications",
    ),
    _of_mail(
        "brand_link_hosts",
        "Further hosts of links",
        "More hosts to which links in mails may lead, separated by commas.",
        "auth.acme.example",
        values.HOSTS,
    ),
)
# The same of graph=push.
OF_PUSH: Final = (
    _of_mail(
        "websocket_bus_url",
        "Address of the websocket bus",
        "Where graph=push signals to whoever has the application open. Without it, every push goes"
        " to the phone.",
        "https://bus.acme.example",
        values.WEBHOOK,
        group=ParameterGroup.PUSH,
    ),
    _of_mail(
        "websocket_bus_kind",
        "Protocol of the websocket bus",
        "plain or centrifugo; by default plain.",
        "centrifugo",
        group=ParameterGroup.PUSH,
    ),
    _of_mail(
        "websocket_bus_namespace",
        "Namespace of Centrifugo",
        "The namespace of the personal channels, if they are in one.",
        "personal",
        group=ParameterGroup.PUSH,
    ),
    _of_mail(
        "service_token_secret",
        "Secret with the token for the bus",
        "The name of a secret in Secret Manager. Only the workers read its value.",
        "projects/my-project/secrets/bus-token",
        values.ANY_SECRET,
        group=ParameterGroup.PUSH,
    ),
    _of_mail(
        "fcm_project_id",
        "Firebase project",
        "The project whose phones and browsers get pushes. Without it, only the bus is asked.",
        "acme-app",
        group=ParameterGroup.PUSH,
    ),
    _of_mail(
        "webhook_key",
        "Secret with the key for webhooks",
        "The name of a secret in Secret Manager: the key that encrypts the secrets of webhook"
        " endpoints. Only the workers read its value.",
        "projects/my-project/secrets/webhook-key",
        values.ANY_SECRET,
        group=ParameterGroup.PUSH,
    ),
    _of_mail(
        "webhook_allowed_networks",
        "Networks of webhooks",
        "Networks of yours that webhook endpoints may be in, beside the public internet, separated"
        " by commas.",
        "10.1.0.0/16",
        values.NETWORKS,
        group=ParameterGroup.PUSH,
    ),
)
MAX_EVENT_AGE_HOURS: Final = Parameter(
    name="max_event_age_hours",
    label="Age limit in hours",
    help="Events of this age or older are recorded as expired, and nobody is told.",
    kind=values.HOURS,
    takers=(*_EVENTS_ARE_PROCESSED, Taker.REPLAY, Taker.SERVE),
    default=defaults.MAX_EVENT_AGE,
    metavar="HOURS",
)
SYSTEM_USERS: Final = Parameter(
    name="system_users",
    label="Profiles that are programs",
    help="Ids of profiles that are programs, not people, separated by commas: they are never told"
    " anything, nor is the AI user.",
    kind=values.USERS,
    takers=(*_EVENTS_ARE_PROCESSED, Taker.REPLAY, Taker.JOB, Taker.SERVE),
    default=frozenset(),
    example=values.USER.expected,
    metavar="UUID",
    repeated="system-user",
)
BATCH_SIZE: Final = Parameter(
    name="batch_size",
    label="Events per statement",
    help="The most events in one batch, which is decided and written at once.",
    kind=values.count("number of events", such_as=defaults.BATCH_SIZE, most=9_999),
    takers=_EVENTS_ARE_PROCESSED,
    default=defaults.BATCH_SIZE,
    metavar="EVENTS",
)
DEDUP_MINUTES: Final = Parameter(
    name="dedup_minutes",
    label="Minutes to remember messages",
    help="How many minutes a step with state remembers messages to drop repeated ones. With 0, the"
    " default, only the source, Fetch and the ledger drop them.",
    kind=values.MINUTES,
    takers=_ON_DATAFLOW,
    default=timedelta(0),
    example="60",
    metavar="MINUTES",
)
OTLP_ENDPOINT: Final = Parameter(
    name="otlp_endpoint",
    label="Collector of traces",
    help="The OpenTelemetry collector that receives the traces of events, as OTLP over HTTP."
    " Without it, there are no traces.",
    kind=values.COLLECTOR,
    takers=_ON_DATAFLOW,
    default="",
    example="http://10.20.0.9:4318",
    metavar="URL",
)
RUNNER: Final = Parameter(
    name="runner",
    help=f"Where the stream runs: {DIRECT_RUNNER} is this process; {DATAFLOW_RUNNER} has other"
    f" arguments: --runner={DATAFLOW_RUNNER} --help.",
    kind=values.one_of("runner", DIRECT_RUNNER, DATAFLOW_RUNNER, also=("FnApiRunner",)),
    takers=(Taker.RUN,),
    default=DIRECT_RUNNER,
    metavar="RUNNER",
)
PARK: Final = "park"
CLOSE: Final = "close"
UNROUTED: Final = Parameter(
    name="unrouted",
    label="Events without a handler",
    help=f"What graph=reactions does with an event without a handler: {PARK} it, visible and still"
    f" open, or {CLOSE} it without an effect, as the system before it did.",
    kind=values.one_of("unrouted", PARK, CLOSE),
    takers=(Taker.LAUNCH, Taker.RUN),
    default=PARK,
    metavar="WHAT",
)
TOPIC: Final = Parameter(
    name="topic",
    help="The topic that the stream reads.",
    kind=values.TOPIC,
    takers=(Taker.REPLAY, Taker.SERVE),
    metavar=values.TOPIC.expected,
)
REACTION_TOPIC: Final = Parameter(
    name="reaction_topic",
    help="The topic that the graph of reactions reads.",
    kind=values.TOPIC,
    takers=(Taker.SERVE,),
    example="projects/my-project/topics/reaction-events",
    metavar=values.TOPIC.expected,
)
RATE: Final = Parameter(
    name="rate",
    help="The most messages a second.",
    kind=values.RATE,
    takers=(Taker.REPLAY,),
    default=defaults.REPLAY_RATE,
    metavar="N",
)
CONNECTIONS: Final = Parameter(
    name="connections",
    help="The --database_connections of the job on Dataflow.",
    kind=values.CONNECTIONS,
    takers=(Taker.DOCTOR,),
    default=defaults.GRANTED_CONNECTIONS,
    metavar="NUMBER",
)
CDC_HOST: Final = Parameter(
    name="cdc_host",
    help="The DATABASE_HOST of Debezium, to connect as Debezium does; the password comes from"
    " DATABASE_PASSWORD.",
    kind=values.HOST,
    takers=(Taker.DOCTOR,),
    metavar="HOST",
)
CDC_PORT: Final = Parameter(
    name="cdc_port",
    help="The DATABASE_PORT of Debezium.",
    kind=values.PORT,
    takers=(Taker.DOCTOR,),
    default=defaults.POSTGRES_PORT,
    metavar="PORT",
)
CDC_USER: Final = Parameter(
    name="cdc_user",
    help="The DATABASE_USER of Debezium.",
    kind=values.ROLE,
    takers=(Taker.DOCTOR,),
    default=defaults.CAPTURE_USER,
    metavar="USER",
)
CDC_SSLMODE: Final = Parameter(
    name="cdc_sslmode",
    help="The DATABASE_SSLMODE of Debezium.",
    kind=values.SSLMODE,
    takers=(Taker.DOCTOR,),
    default=defaults.SSLMODE,
    metavar="MODE",
)
SINCE: Final = Parameter(
    name="since",
    help="Events created at this time or later; 2h means two hours ago.",
    kind=values.MOMENT,
    takers=(Taker.CATCH_UP, Taker.REPLAY),
    metavar="TIME",
)
UNTIL: Final = Parameter(
    name="until",
    help="Events created before this time.",
    kind=values.MOMENT,
    takers=(Taker.CATCH_UP, Taker.REPLAY),
    metavar="TIME",
)

_EVERY: Final[tuple[Parameter[Any], ...]] = (
    *(SUBSCRIPTION, DEAD_LETTER_TOPIC, TIMESTAMP_ATTRIBUTE),
    *(JOBS_SUBSCRIPTION, MAIL_SUBSCRIPTION, PUSH_SUBSCRIPTION, REACTIONS_SUBSCRIPTION, TICK_TOPIC),
    *(DATABASE_URL, DATABASE_PASSWORD_SECRET, DATABASE_CA_SECRET, DATABASE_CONNECTIONS, POOL_SIZE),
    *(GRAPH, MAX_EVENT_AGE_HOURS, SYSTEM_USERS, BATCH_SIZE, DEDUP_MINUTES, OTLP_ENDPOINT),
    *(CALENDAR_CLIENT, CALENDAR_CLIENT_SECRET, CALENDAR_WEBHOOK),
    *OF_MAIL,
    *OF_PUSH,
    *(RUNNER, UNROUTED, SINCE, UNTIL, TOPIC, REACTION_TOPIC, RATE),
    *(CONNECTIONS, CDC_HOST, CDC_PORT, CDC_USER, CDC_SSLMODE),
)


def taken_by(taker: Taker) -> tuple[Parameter[Any], ...]:
    """Return the parameters of a command, in the order of its help."""
    return tuple(each for each in _EVERY if taker in each.takers)


# The parameters in Dataflow's console.
PARAMETERS: Final = taken_by(Taker.LAUNCH)


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudOption:
    """One of Beam's own options that a launch accepts.

    Attributes:
        name: Beam's name for it.
        help: what it is for.
        metavar: stands for the value in the help; empty for a flag without a value.
        example: an example of a needed option; empty if it is not needed.
    """

    name: str
    help: str
    metavar: str = ""
    example: str = ""


# The options that most launches need. A launch accepts all other options of Beam too.
CLOUD: Final = (
    CloudOption(
        name="project",
        metavar="PROJECT",
        help="the Google Cloud project",
        example="my-project",
    ),
    CloudOption(name="region", metavar="REGION", help="where the job runs", example="europe-west1"),
    CloudOption(
        name="temp_location",
        metavar="gs://BUCKET/PATH",
        help="the folder for the files that the job stages",
        example="gs://my-bucket/temp",
    ),
    CloudOption(
        name="sdk_container_image",
        metavar="IMAGE",
        help="the image that deploy/Dockerfile builds",
        example="europe-west1-docker.pkg.dev/my-project/fanout/fanout:1",
    ),
    CloudOption(
        name="max_num_workers",
        metavar="NUMBER",
        help="the most workers that autoscaling may start",
        example="4",
    ),
    CloudOption(
        name="job_name",
        metavar="NAME",
        help=f"the name of the job; an update finds the running job by it (default: {JOB_NAME})",
    ),
    CloudOption(
        name="machine_type", metavar="TYPE", help=f"type of the workers (default: {MACHINE_TYPE})"
    ),
    CloudOption(
        name="number_of_worker_harness_threads",
        metavar="NUMBER",
        help=f"threads per process (default: pool_size and {SPARE_THREADS} more)",
    ),
    CloudOption(name="service_account_email", metavar="ACCOUNT", help="account of the workers"),
    CloudOption(name="subnetwork", metavar="URL", help="network from which workers reach Postgres"),
    CloudOption(
        name="transform_name_mapping",
        metavar="JSON",
        help="old to new names of steps, for an update that renames steps",
    ),
    CloudOption(name="no_use_public_ips", help="give workers only private addresses"),
    CloudOption(
        name="update", help="replace the running job of this name and keep its unfinished messages"
    ),
)
# Beam's options that a launch needs, each with an example.
NEEDED: Final = {each.name: each.example for each in CLOUD if each.example}
