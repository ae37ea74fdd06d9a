"""Make a job from flags: its options and its graph, and submit it."""

import logging
from collections.abc import Sequence
from contextlib import redirect_stderr
from io import StringIO
from typing import Final

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
from pipeline.domain.graph import Graph
from pipeline.jobs.table import JOBS
from pipeline.options.cloud import JOB_NAME, MACHINE_TYPE, SPARE_THREADS
from pipeline.options.database import (
    DATABASE_CA_SECRET,
    DATABASE_PASSWORD_SECRET,
    DATABASE_URL,
    POOL_SIZE,
)
from pipeline.options.graph import BATCH_SIZE, GRAPH, OTLP_ENDPOINT
from pipeline.options.parameter import ParameterValues
from pipeline.options.pubsub import (
    DEAD_LETTER_TOPIC,
    DEDUP_MINUTES,
    PUBLISH_TIME,
    SUBSCRIPTION,
    TIMESTAMP_ATTRIBUTE,
)
from pipeline.runtime.launch.check import AT_LEAST_ONCE, check_options
from pipeline.runtime.launch.cloud import check_cloud
from pipeline.runtime.launch.options import given
from pipeline.settings import DatabaseSettings
from pipeline.settings.traces import read_trace_settings
from pipeline.sources.collect import Batching
from pipeline.sources.native import ReadFromPubSub
from pipeline.sources.native_due import ReadDue
from pipeline.sources.native_ticks import ReadTicks
from pipeline.topology.ends import Store
from pipeline.topology.graphs import GRAPHS

# gcloud can pass these only as --additional-experiments.
_SERVICE_OPTIONS: Final = (AT_LEAST_ONCE, "graph_validate_only")
_BEAM_PREFIX: Final = "Pipeline has validations errors: "


def options_of(flags: Sequence[str]) -> PipelineOptions:
    """Return the options of these flags with our defaults, and check them.

    Raises:
        ConfigurationError: an option is missing or invalid. The text is one line.
    """
    options = _parsed(flags)
    cloud, workers = options.view_as(GoogleCloudOptions), options.view_as(WorkerOptions)
    # Otherwise Beam would create a bucket.
    cloud.staging_location = cloud.staging_location or cloud.temp_location
    cloud.labels = [*(cloud.labels or []), "app=fanout", f"version={_label(__version__)}"]
    asked = options.view_as(DebugOptions).experiments or []
    known = cloud.dataflow_service_options or []
    named = [each for each in _SERVICE_OPTIONS if each in asked and each not in known]
    cloud.dataflow_service_options = [*known, *named]
    workers.machine_type = workers.machine_type or MACHINE_TYPE
    # The image contains everything, so a worker downloads nothing when it starts.
    setup = options.view_as(SetupOptions)
    setup.sdk_location, setup.pickle_library = "container", "cloudpickle"
    check_options(options, flags)
    cloud.job_name = cloud.job_name or _job_name(options)
    _limit_threads(options)
    return options


def _job_name(options: PipelineOptions) -> str:
    """Return the default name: jobs of several graphs run beside each other."""
    [graph] = given(options)[GRAPH]
    return JOB_NAME if graph is Graph.FANOUT else f"{JOB_NAME}-{graph}"


def _limit_threads(options: PipelineOptions) -> None:
    """Limit the threads of a process to the number that its pool can serve.

    A number in the options takes precedence. By default Dataflow runs 12 threads in a process of a
    streaming job. With a pool of 4, eight of them would wait for a connection until they time out.
    Their bundles would fail, just when the database is busy.
    """
    debug = options.view_as(DebugOptions)
    if debug.number_of_worker_harness_threads is None:
        debug.number_of_worker_harness_threads = given(options)[POOL_SIZE] + SPARE_THREADS


def _parsed(flags: Sequence[str]) -> PipelineOptions:
    # Beam prints its two hundred options before the error.
    with redirect_stderr(StringIO()) as printed:
        try:
            options = PipelineOptions(flags=list(flags), runner="DataflowRunner", streaming=True)
            options.get_all_options()
        except SystemExit:
            raise ConfigurationError(printed.getvalue().rpartition("error: ")[2].strip()) from None
    return options


def build(options: PipelineOptions) -> beam.Pipeline:
    """Build the stream for Dataflow from the options alone.

    Raises:
        ConfigurationError: Beam rejects the options.
    """
    values = given(options)
    try:
        pipeline = beam.Pipeline(runner=DataflowRunner(), options=options)
    except ValueError as error:
        raise ConfigurationError(" ".join(str(error).split()).removeprefix(_BEAM_PREFIX)) from None
    # Each graph is a job of its own.
    [graph] = values[GRAPH]
    database = _database(values)
    ends = Store(
        database,
        values[DEAD_LETTER_TOPIC],
        writes_sign_of_life=True,
        traces=read_trace_settings({"OTEL_EXPORTER_OTLP_ENDPOINT": values[OTLP_ENDPOINT]}, graph),
    )
    GRAPHS[graph](values, database, ends).build(pipeline, _SOURCES[graph](values))
    return pipeline


def _events(values: ParameterValues) -> ReadFromPubSub:
    attribute = values[TIMESTAMP_ATTRIBUTE]
    return ReadFromPubSub(
        values[SUBSCRIPTION],
        None if attribute == PUBLISH_TIME else attribute,
        Batching(size=values[BATCH_SIZE]),
        values[DEDUP_MINUTES] or None,
        keep_publish_time=bool(values[OTLP_ENDPOINT]),
    )


def _ticks(values: ParameterValues) -> ReadTicks:
    return ReadTicks(values[SUBSCRIPTION], tuple(JOBS))


def _due(values: ParameterValues) -> ReadDue:
    return ReadDue(values[SUBSCRIPTION])


_SOURCES: Final = {
    Graph.FANOUT: _events,
    Graph.JOBS: _ticks,
    Graph.MAIL: _due,
    Graph.PUSH: _due,
    Graph.REACTIONS: _due,
}


def submit(options: PipelineOptions) -> str | None:
    """Submit the job to Dataflow, and return its id; None if a template was written instead.

    Raises:
        ConfigurationError: Dataflow or Cloud Storage rejects the job.
        TransientError: Dataflow or Cloud Storage does not answer.
    """
    logging.getLogger(apiclient.__name__).addFilter(_is_not_repeated)
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


def _is_not_repeated(record: logging.LogRecord) -> bool:
    """Whether to keep a log record of Beam. Our error repeats those that Beam logs as critical."""
    return record.levelno < logging.CRITICAL


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


def _database(values: ParameterValues) -> DatabaseSettings:
    return DatabaseSettings(
        dsn=values[DATABASE_URL],
        password_secret=values[DATABASE_PASSWORD_SECRET],
        ca_secret=values[DATABASE_CA_SECRET],
        pool_size=values[POOL_SIZE],
    )


def _label(text: str) -> str:
    """Make a valid label: https://cloud.google.com/resource-manager/docs/labels-overview."""
    return text.lower().replace(".", "-").replace("+", "-")
