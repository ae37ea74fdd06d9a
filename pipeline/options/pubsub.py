"""Parameters: what is read from Pub/Sub, and published to it."""

from datetime import timedelta
from typing import Final

from pipeline import values
from pipeline.domain import defaults
from pipeline.options.parameter import (
    EVENTS_ARE_PROCESSED,
    ON_DATAFLOW,
    Parameter,
    ParameterGroup,
    Taker,
)

# A value of timestamp_attribute: the time at which Pub/Sub accepted the message.
PUBLISH_TIME: Final = "publish_time"
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
    takers=(*EVENTS_ARE_PROCESSED, Taker.DOCTOR),
    needed_by=ON_DATAFLOW,
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
    takers=ON_DATAFLOW,
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
DEDUP_MINUTES: Final = Parameter(
    name="dedup_minutes",
    label="Minutes to remember messages",
    help="How many minutes a step with state remembers messages to drop repeated ones. With 0, the"
    " default, only the source, Fetch and the ledger drop them.",
    kind=values.MINUTES,
    takers=ON_DATAFLOW,
    default=timedelta(0),
    example="60",
    metavar="MINUTES",
)
