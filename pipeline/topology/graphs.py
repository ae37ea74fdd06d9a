"""The graphs by name, and how to make each from the options. A new family adds one line."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, TypeAlias

from pipeline.domain.graph import Graph
from pipeline.fanout.handlers import HANDLERS
from pipeline.options.graph import (
    BATCH_SIZE,
    CALENDAR_CLIENT,
    CALENDAR_CLIENT_SECRET,
    CALENDAR_WEBHOOK,
    CLOSE,
    UNROUTED,
)
from pipeline.options.mail import OF_MAIL
from pipeline.options.parameter import ParameterValues
from pipeline.options.pubsub import TICK_TOPIC
from pipeline.options.push import OF_PUSH
from pipeline.settings import CalendarSettings, DatabaseSettings
from pipeline.steps.policy import policy_of, programs_of
from pipeline.topology.ends import Preview, Store
from pipeline.topology.fanout import Topology

if TYPE_CHECKING:
    from pipeline.topology.jobs import JobsTopology
    from pipeline.topology.mail import MailTopology
    from pipeline.topology.push import PushTopology
    from pipeline.topology.reactions import ReactionsTopology


def fanout(given: ParameterValues, database: DatabaseSettings, ends: Store | Preview) -> Topology:
    """Make the graph of the fan-out, with every handler."""
    return Topology(
        database=database,
        handlers=HANDLERS,
        policy=policy_of(given),
        ends=ends,
        batch_size=given[BATCH_SIZE],
    )


def jobs(
    given: ParameterValues, database: DatabaseSettings, ends: Store | Preview
) -> "JobsTopology":
    """Make the graph of the scheduled jobs, with every job."""
    # The fan-out does without these modules, which take time to import.
    from pipeline.jobs.table import jobs_without  # noqa: PLC0415
    from pipeline.steps.runners import runners_with  # noqa: PLC0415
    from pipeline.topology.jobs import JobsTopology  # noqa: PLC0415

    calendar = CalendarSettings(
        client_id=given[CALENDAR_CLIENT], webhook_url=given[CALENDAR_WEBHOOK]
    )
    return JobsTopology(
        database=database,
        ends=ends,
        jobs=jobs_without(programs_of(given)),
        runners=runners_with(calendar, secret=given[CALENDAR_CLIENT_SECRET]),
        tick_topic=given.get(TICK_TOPIC),
    )


def mail(
    given: ParameterValues, database: DatabaseSettings, ends: Store | Preview
) -> "MailTopology":
    """Make the graph of mail, from the options of a launch."""
    return mail_with({each.name.upper(): given[each] for each in OF_MAIL}, database, ends)


def mail_with(
    variables: Mapping[str, str], database: DatabaseSettings, ends: Store | Preview
) -> "MailTopology":
    """Make the graph of mail.

    Args:
        variables: the variables of the environment that say who sends, and with which brand.
        database: the database of the ledger.
        ends: sends mails, or prints what would be sent.

    Raises:
        ConfigurationError: a variable is missing or invalid.
    """
    # The fan-out does without these modules, which take time to import.
    from pipeline.mail.brand import read_brand  # noqa: PLC0415
    from pipeline.settings.mail import read_mail_settings  # noqa: PLC0415
    from pipeline.steps.mail.sender import Sender  # noqa: PLC0415
    from pipeline.topology.mail import MailTopology  # noqa: PLC0415

    sender = Sender(
        database=database, mail=read_mail_settings(variables), brand=read_brand(variables)
    )
    return MailTopology(sender=sender, ends=ends)


def push(
    given: ParameterValues, database: DatabaseSettings, ends: Store | Preview
) -> "PushTopology":
    """Make the graph of push, from the options of a launch."""
    return push_with({each.name.upper(): given[each] for each in OF_PUSH}, database, ends)


def push_with(
    variables: Mapping[str, str], database: DatabaseSettings, ends: Store | Preview
) -> "PushTopology":
    """Make the graph of push.

    Args:
        variables: the variables of the environment that say where the bus is, whose phones,
            and how webhooks are sent.
        database: the database of the ledger.
        ends: pushes, or prints what would be pushed.

    Raises:
        ConfigurationError: a variable is missing or invalid.
    """
    # The fan-out does without these modules, which take time to import.
    from pipeline.settings.outgoing_webhooks import read_outgoing_settings  # noqa: PLC0415
    from pipeline.settings.push import read_push_settings  # noqa: PLC0415
    from pipeline.steps.push.sender import PushSender  # noqa: PLC0415
    from pipeline.steps.webhooks.sender import WebhookSender  # noqa: PLC0415
    from pipeline.topology.push import PushTopology  # noqa: PLC0415

    webhooks = WebhookSender(database=database, webhooks=read_outgoing_settings(variables))
    sender = PushSender(database=database, push=read_push_settings(variables))
    return PushTopology(sender=sender, webhooks=webhooks, ends=ends)


def reactions(
    given: ParameterValues, database: DatabaseSettings, ends: Store | Preview
) -> "ReactionsTopology":
    """Make the graph of reactions, with every handler."""
    # The fan-out does without these modules, which take time to import.
    from pipeline.steps.reactions.reactor import Reactor  # noqa: PLC0415
    from pipeline.topology.reactions import ReactionsTopology  # noqa: PLC0415

    closes = given[UNROUTED] == CLOSE
    return ReactionsTopology(reactor=Reactor(database=database, closes_unrouted=closes), ends=ends)


AnyTopology: TypeAlias = "Topology | JobsTopology | MailTopology | PushTopology | ReactionsTopology"
Make = Callable[[ParameterValues, DatabaseSettings, Store | Preview], "AnyTopology"]

GRAPHS: Final[Mapping[Graph, Make]] = {
    Graph.FANOUT: fanout,
    Graph.JOBS: jobs,
    Graph.MAIL: mail,
    Graph.PUSH: push,
    Graph.REACTIONS: reactions,
}
