"""Parameters: which graph runs, where, and how it treats events."""

from typing import Final

from pipeline import values
from pipeline.domain import defaults
from pipeline.domain.graph import Graph
from pipeline.options.parameter import (
    EVENTS_ARE_PROCESSED,
    ON_DATAFLOW,
    Parameter,
    ParameterGroup,
    Taker,
)

DIRECT_RUNNER: Final = "DirectRunner"
DATAFLOW_RUNNER: Final = "DataflowRunner"
GRAPH: Final = Parameter(
    name="graph",
    label="Graph",
    help="The graph to run. On one machine only: all, each in its own process.",
    kind=values.GRAPHS,
    takers=(Taker.RUN, Taker.LAUNCH),
    default=(Graph.FANOUT,),
    metavar="NAME",
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
MAX_EVENT_AGE_HOURS: Final = Parameter(
    name="max_event_age_hours",
    label="Age limit in hours",
    help="Events of this age or older are recorded as expired, and nobody is told.",
    kind=values.HOURS,
    takers=(*EVENTS_ARE_PROCESSED, Taker.REPLAY, Taker.SERVE),
    default=defaults.MAX_EVENT_AGE,
    metavar="HOURS",
)
SYSTEM_USERS: Final = Parameter(
    name="system_users",
    label="Profiles that are programs",
    help="Ids of profiles that are programs, not people, separated by commas: they are never told"
    " anything, nor is the AI user.",
    kind=values.USERS,
    takers=(*EVENTS_ARE_PROCESSED, Taker.REPLAY, Taker.JOB, Taker.SERVE),
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
    takers=EVENTS_ARE_PROCESSED,
    default=defaults.BATCH_SIZE,
    metavar="EVENTS",
)
PARK: Final = "park"
CLOSE: Final = "close"
UNROUTED: Final = Parameter(
    name="unrouted",
    label="Events without a handler",
    help=f"What graph=reactions does with an event without a handler: {PARK} keeps it open and"
    f" visible; {CLOSE} ends it without an effect.",
    kind=values.one_of("unrouted", PARK, CLOSE),
    takers=(Taker.LAUNCH, Taker.RUN),
    default=PARK,
    metavar="WHAT",
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
OTLP_ENDPOINT: Final = Parameter(
    name="otlp_endpoint",
    label="Collector of traces",
    help="The OpenTelemetry collector that receives the traces of events, as OTLP over HTTP."
    " Without it, there are no traces.",
    kind=values.COLLECTOR,
    takers=ON_DATAFLOW,
    default="",
    example="http://10.20.0.9:4318",
    metavar="URL",
)
CALENDAR_CLIENT: Final = Parameter(
    name="calendar_client",
    label="OAuth client of the calendars",
    help="The client with which people connected their calendars, to renew watches in graph=jobs.",
    group=ParameterGroup.JOBS,
    kind=values.CLIENT,
    takers=ON_DATAFLOW,
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
    takers=ON_DATAFLOW,
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
    takers=ON_DATAFLOW,
    default="",
    example="https://app.example.com/calendar",
    metavar="URL",
)
