"""From flags to a job: the options, the graph, and its submission."""

import logging
from collections.abc import Sequence
from contextlib import redirect_stderr
from datetime import timedelta
from io import StringIO
from typing import Final
from uuid import UUID

import apache_beam as beam
from apache_beam.options.pipeline_options import (
    DebugOptions,
    GoogleCloudOptions,
    PipelineOptions,
    SetupOptions,
    WorkerOptions,
)
from apache_beam.runners.dataflow.dataflow_runner import DataflowRunner
from apache_beam.runners.dataflow.internal import apiclient
from google.api_core.exceptions import ClientError, GoogleAPICallError, RetryError
from google.auth.exceptions import GoogleAuthError

from pipeline import __version__
from pipeline.domain.errors import ConfigurationError, TransientError
from pipeline.domain.identifiers import UserId
from pipeline.fanout.decide import AI_USER, Policy
from pipeline.fanout.handlers import HANDLERS
from pipeline.options import PUBLISH_TIME, FanoutOptions
from pipeline.runtime.launch.budget import MACHINE_TYPE
from pipeline.runtime.launch.check import AT_LEAST_ONCE, check_options
from pipeline.runtime.launch.cloud import check_cloud
from pipeline.settings import DatabaseSettings
from pipeline.sources.collect import Batching
from pipeline.sources.native import ReadFromPubSub
from pipeline.topology.ends import Rows
from pipeline.topology.fanout import Topology

JOB_NAME: Final = "fanout"
# Beside those that hold a connection: one that reads the next batch, one that hands the last on.
_SPARE_THREADS: Final = 2
# gcloud has no other flag for these than --additional-experiments.
_SERVICE_OPTIONS: Final = (AT_LEAST_ONCE, "graph_validate_only")
_BEAM_SAYS: Final = "Pipeline has validations errors: "


def options_of(flags: Sequence[str]) -> PipelineOptions:
    """The options that flags ask for, with our defaults, checked.

    Raises:
        ConfigurationError: in one line.
    """
    options = _parsed(flags)
    cloud, workers = options.view_as(GoogleCloudOptions), options.view_as(WorkerOptions)
    cloud.job_name = cloud.job_name or JOB_NAME
    # Beam would make a bucket of its own.
    cloud.staging_location = cloud.staging_location or cloud.temp_location
    cloud.labels = [*(cloud.labels or []), "app=fanout", f"version={_label(__version__)}"]
    asked = options.view_as(DebugOptions).experiments or []
    known = cloud.dataflow_service_options or []
    named = [each for each in _SERVICE_OPTIONS if each in asked and each not in known]
    cloud.dataflow_service_options = [*known, *named]
    workers.machine_type = workers.machine_type or MACHINE_TYPE
    # The image has everything: nothing is downloaded when a worker starts.
    setup = options.view_as(SetupOptions)
    setup.sdk_location, setup.pickle_library = "container", "cloudpickle"
    check_options(options, flags)
    _bound_threads(options)
    return options


def _bound_threads(options: PipelineOptions) -> None:
    """Give a process no more threads than its pool can serve, unless a number was given.

    Dataflow runs 12 in a process of a streaming job. With a pool of 4, eight of them wait for a
    connection until they give up, which fails their bundles just when the database is busy.
    """
    debug = options.view_as(DebugOptions)
    if debug.number_of_worker_harness_threads is None:
        pool_size = int(options.view_as(FanoutOptions).pool_size)
        debug.number_of_worker_harness_threads = pool_size + _SPARE_THREADS


def _parsed(flags: Sequence[str]) -> PipelineOptions:
    # Beam prints its two hundred options before it says what is wrong.
    with redirect_stderr(StringIO()) as said:
        try:
            options = PipelineOptions(flags=list(flags), runner="DataflowRunner", streaming=True)
            options.get_all_options()
        except SystemExit:
            raise ConfigurationError(said.getvalue().rpartition("error: ")[2].strip()) from None
    return options


def build(options: PipelineOptions) -> beam.Pipeline:
    """The stream for Dataflow; looks at nothing but the options.

    Raises:
        ConfigurationError: Beam refuses the options.
    """
    given = options.view_as(FanoutOptions)
    try:
        pipeline = beam.Pipeline(runner=DataflowRunner(), options=options)
    except ValueError as error:
        raise ConfigurationError(" ".join(str(error).split()).removeprefix(_BEAM_SAYS)) from None
    minutes, attribute = int(given.dedup_minutes), given.timestamp_attribute
    source = ReadFromPubSub(
        given.subscription,
        None if attribute == PUBLISH_TIME else attribute,
        Batching(size=int(given.batch_size)),
        timedelta(minutes=minutes) if minutes else None,
    )
    _topology(given).build(pipeline, source)
    return pipeline


def submit(options: PipelineOptions) -> str | None:
    """Hand the job to Dataflow; gives its id, or None where a template was written instead.

    Raises:
        ConfigurationError: Dataflow or Cloud Storage refuses it.
        TransientError: one of them does not answer.
    """
    logging.getLogger(apiclient.__name__).addFilter(_is_news)
    try:
        check_cloud(options)
        job = getattr(build(options).run(), "_job", None)
    except GoogleAuthError:
        raise ConfigurationError(
            "Google Cloud needs credentials: run gcloud auth application-default login"
        ) from None
    except (apiclient.DataflowJobAlreadyExistsError, OSError, ValueError) as error:
        raise ConfigurationError(_first_line(error)) from None
    except (GoogleAPICallError, RetryError) as error:
        kind = ConfigurationError if isinstance(error, ClientError) else TransientError
        raise kind(f"Google Cloud: {_first_line(error)}") from None
    return job.id if job is not None else None


def _is_news(record: logging.LogRecord) -> bool:
    """Whether Beam says what our error does not; a refusal is what it logs as critical."""
    return record.levelno < logging.CRITICAL


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


def _topology(given: FanoutOptions) -> Topology:
    system_users = [UUID(user) for user in given.system_users.split(",") if user]
    database = DatabaseSettings(
        dsn=given.database_url,
        password_secret=given.database_password_secret,
        ca_secret=given.database_ca_secret,
        pool_size=int(given.pool_size),
    )
    return Topology(
        database=database,
        handlers=HANDLERS,
        policy=Policy(
            system_users=frozenset({AI_USER, *map(UserId, system_users)}),
            max_event_age=timedelta(hours=float(given.max_event_age_hours)),
        ),
        ends=Rows(database, given.dead_letter_topic, says_it_lives=True),
        batch_size=int(given.batch_size),
    )


def _label(text: str) -> str:
    """As labels may be spelled: https://cloud.google.com/resource-manager/docs/labels-overview."""
    return text.lower().replace(".", "-").replace("+", "-")
