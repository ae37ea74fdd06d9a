"""Graphs that tests build and inspect, and small graphs that tests run."""

from collections.abc import Callable, Iterable
from typing import Any, Final

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.portability.api import beam_runner_api_pb2 as api
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from pipeline.fanout.decide import Policy
from pipeline.fanout.handlers import HANDLERS
from pipeline.mail.brand import Brand
from pipeline.settings import DatabaseSettings, PubSubSettings
from pipeline.settings.mail import read_mail_settings
from pipeline.settings.push import PushSettings
from pipeline.sources.pull import PullFromPubSub
from pipeline.steps.mail.sender import Sender
from pipeline.steps.push.sender import PushSender
from pipeline.steps.reactions.reactor import Reactor
from pipeline.steps.webhooks.sender import WebhookSender
from pipeline.topology.ends import Preview, Source, Store
from pipeline.topology.fanout import Topology
from pipeline.topology.jobs import JobsTopology
from pipeline.topology.mail import MailTopology
from pipeline.topology.push import PushTopology
from pipeline.topology.reactions import ReactionsTopology

NOWHERE: Final = DatabaseSettings(dsn="postgresql://nobody@nowhere/none")


def new_pipeline() -> beam.Pipeline:
    """Return a pipeline for the runner of one machine, with default options."""
    return beam.Pipeline(runner=FnApiRunner(), options=PipelineOptions(flags=[]))


def stream_graph(*, dry_run: bool = False, source: Source | None = None) -> api.Pipeline:
    """Return the stream with every registered handler, as the runner receives it."""
    return stream(dry_run=dry_run, source=source).to_runner_api()


def stream(*, dry_run: bool = False, source: Source | None = None) -> beam.Pipeline:
    """Return the stream with every registered handler."""
    pipeline = new_pipeline()
    topology = Topology(
        database=NOWHERE,
        handlers=HANDLERS,
        policy=Policy(),
        ends=Preview() if dry_run else Store(NOWHERE, "projects/p/topics/dead-letters"),
    )
    settings = PubSubSettings(subscription="projects/p/subscriptions/s")
    topology.build(pipeline, source or PullFromPubSub(settings))
    return pipeline


def jobs_graph() -> api.Pipeline:
    """The graph of every scheduled job, as the runner of one machine gets it."""
    return jobs().to_runner_api()


def jobs(*, dry_run: bool = False, source: Source | None = None) -> beam.Pipeline:
    """The graph of every scheduled job on one machine."""
    pipeline = new_pipeline()
    subscription = "projects/p/subscriptions/ticks"
    ends = Preview() if dry_run else Store(NOWHERE, "projects/p/topics/dead-letters")
    topology = JobsTopology(database=NOWHERE, ends=ends).on_one_machine(subscription)
    settings = PubSubSettings(subscription=subscription)
    topology.build(pipeline, source or PullFromPubSub(settings))
    return pipeline


def mail_graph(*, dry_run: bool = False) -> api.Pipeline:
    """The graph of mail, as the runner of one machine gets it."""
    return mail(dry_run=dry_run).to_runner_api()


def mail(*, dry_run: bool = False, source: Source | None = None) -> beam.Pipeline:
    """The graph of mail on one machine."""
    pipeline = new_pipeline()
    subscription = "projects/p/subscriptions/deliveries"
    mail = read_mail_settings({"EMAIL_FROM": "a@acme.test", "RESEND_API_KEY": "re_k"})
    brand = Brand(name="Acme", base_url="https://acme.test")
    topology = MailTopology(
        sender=Sender(database=NOWHERE, mail=mail, brand=brand),
        ends=Preview() if dry_run else Store(NOWHERE),
    ).on_one_machine(subscription)
    settings = PubSubSettings(subscription=subscription)
    topology.build(pipeline, source or PullFromPubSub(settings, topology.due_every))
    return pipeline


def push_graph(*, dry_run: bool = False) -> api.Pipeline:
    """The graph of push, as the runner of one machine gets it."""
    return push(dry_run=dry_run).to_runner_api()


def push(*, dry_run: bool = False, source: Source | None = None) -> beam.Pipeline:
    """The graph of push on one machine."""
    pipeline = new_pipeline()
    subscription = "projects/p/subscriptions/deliveries"
    topology = PushTopology(
        sender=PushSender(database=NOWHERE, push=PushSettings()),
        webhooks=WebhookSender(database=NOWHERE),
        ends=Preview() if dry_run else Store(NOWHERE),
    ).on_one_machine(subscription)
    settings = PubSubSettings(subscription=subscription)
    topology.build(pipeline, source or PullFromPubSub(settings, topology.due_every))
    return pipeline


def reactions_graph(*, dry_run: bool = False) -> api.Pipeline:
    """The graph of reactions, as the runner of one machine gets it."""
    return reactions(dry_run=dry_run).to_runner_api()


def reactions(*, dry_run: bool = False, source: Source | None = None) -> beam.Pipeline:
    """The graph of reactions on one machine."""
    pipeline = new_pipeline()
    topology = ReactionsTopology(
        reactor=Reactor(database=NOWHERE),
        ends=Preview() if dry_run else Store(NOWHERE, "projects/p/topics/dead-letters"),
    )
    settings = PubSubSettings(subscription="projects/p/subscriptions/reaction-events")
    topology.build(pipeline, source or PullFromPubSub(settings, topology.due_every))
    return pipeline


def steps(graph: api.Pipeline) -> dict[str, str]:
    """Return the kind (URN) of every step without substeps, by its full label."""
    return {
        transform.unique_name: transform.spec.urn
        for transform in graph.components.transforms.values()
        if not transform.subtransforms and transform.outputs != transform.inputs
    }


def run(
    elements: Iterable[Any],
    build: Callable[[beam.PCollection[Any]], None],
    of: Any = None,  # noqa: ANN401 - a type hint has no type
) -> None:
    """Run the steps that ``build`` adds to these elements. ``of`` is their type."""
    pipeline = new_pipeline()
    given = beam.Create(list(elements), reshuffle=False)
    build(pipeline | "Elements" >> (given.with_output_types(of) if of else given))
    pipeline.run().wait_until_finish()
