"""Check the options of a job before it is submitted. Needs no network and no database."""

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

from apache_beam.options.pipeline_options import (
    DebugOptions,
    GoogleCloudOptions,
    PipelineOptions,
    WorkerOptions,
)
from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

from pipeline.domain.errors import ConfigurationError
from pipeline.options.cloud import NEEDED
from pipeline.options.database import DATABASE_CONNECTIONS, DATABASE_URL, POOL_SIZE
from pipeline.options.graph import GRAPH
from pipeline.options.parameter import Taker, named
from pipeline.options.pubsub import PUBLISH_TIME, TIMESTAMP_ATTRIBUTE
from pipeline.options.table import PARAMETERS
from pipeline.runtime.launch.budget import ONE_PROCESS, Budget, vcpus
from pipeline.runtime.launch.options import given
from pipeline.values import BUCKET

_VERIFYING: Final = ("verify-full", "verify-ca")
_PASSWORD: Final = re.compile(
    r"://[^/\s:@]*:[^/\s@]+@|password[\"']?\s*[=:]|^--[\w-]*password$", re.IGNORECASE
)
AT_LEAST_ONCE: Final = "streaming_mode_at_least_once"


def check_options(options: PipelineOptions, flags: Iterable[str]) -> None:
    """Check that a job with these options can work.

    Args:
        options: the options of the job.
        flags: all arguments of the command, to find passwords in them.

    Raises:
        ConfigurationError: an option is missing or invalid. The text is one line and never quotes
            a value that may be a secret.
    """
    _refuse_passwords(flags)
    _refuse_missing(options)
    values = given(options)
    if len(values[GRAPH]) > 1:
        raise ConfigurationError(
            f"--{GRAPH.name}=all runs on one machine only: launch one job for each graph"
        )
    with named("temp_location"):
        BUCKET.parse(options.view_as(GoogleCloudOptions).temp_location)
    _refuse_plain_connections(values[DATABASE_URL])
    _refuse_too_many_connections(options)


def _refuse_passwords(flags: Iterable[str]) -> None:
    for flag in flags:
        if _PASSWORD.search(flag):
            name = flag.partition("=")[0] if flag.startswith("--") else "an argument"
            raise ConfigurationError(
                f"{name} holds a password, which the console would show: store it in Secret"
                " Manager and pass the name of the secret as --database_password_secret"
            )


def _refuse_missing(options: PipelineOptions) -> None:
    everything = options.get_all_options()
    ours = {each.name: each.example for each in PARAMETERS if Taker.LAUNCH in each.needed_by}
    examples = ours | NEEDED
    missing = [name for name in examples if not everything.get(name)]
    if missing:
        named = ", ".join(f"--{name}" for name in missing)
        verb = "is" if len(missing) == 1 else "are"
        raise ConfigurationError(
            f"{named} {verb} missing; for example --{missing[0]}={examples[missing[0]]}"
        )


def _refuse_plain_connections(url: str) -> None:
    try:
        sslmode: Any = conninfo_to_dict(url).get("sslmode", _VERIFYING[0])
    except (ProgrammingError, UnicodeDecodeError):
        # The error of libpq quotes the address.
        with named(DATABASE_URL.name):
            raise DATABASE_URL.kind.refusal(url) from None
    if sslmode not in _VERIFYING:
        raise ConfigurationError(
            f"--database_url has sslmode={sslmode}, which lets others read the connection or"
            f" impersonate the server: use {' or '.join(_VERIFYING)}"
        )


def _refuse_too_many_connections(options: PipelineOptions) -> None:
    workers = options.view_as(WorkerOptions)
    if workers.max_num_workers < max(1, workers.num_workers or 0):
        raise ConfigurationError("--max_num_workers must be at least 1 and at least --num_workers")
    budget(options).check()


def budget(options: PipelineOptions) -> Budget:
    """Return the connections that the job may open.

    Raises:
        ConfigurationError: the name of the machine type has no number of vCPUs.
    """
    values, workers = given(options), options.view_as(WorkerOptions)
    alone = ONE_PROCESS in (options.view_as(DebugOptions).experiments or ())
    return Budget(
        workers=workers.max_num_workers,
        processes=1 if alone else vcpus(workers.machine_type),
        pool_size=values[POOL_SIZE],
        granted=values[DATABASE_CONNECTIONS],
    )


def notices(options: PipelineOptions) -> Sequence[str]:
    """Return the notes to show before this job is launched, one line each."""
    lines = []
    attribute = given(options)[TIMESTAMP_ATTRIBUTE]
    if attribute != PUBLISH_TIME:
        lines.append(
            f"timestamp_attribute={attribute}: Dataflow creates its own subscription on the topic"
            " of the events, and needs the rights that deploy/service-accounts.md lists for it. A"
            " message may never be processed if its attribute is missing or not an RFC 3339 time."
        )
    if AT_LEAST_ONCE in (options.view_as(GoogleCloudOptions).dataflow_service_options or ()):
        lines.append(
            f"{AT_LEAST_ONCE}: the source may pass a message on twice. Fetch and the ledger drop"
            " the second one."
        )
    return lines


def job_name(options: PipelineOptions) -> str:
    """Return the name of the job."""
    name: str = options.view_as(GoogleCloudOptions).job_name
    return name


def console_url(options: PipelineOptions, job_id: str) -> str:
    """Return the address of the job in the console."""
    cloud = options.view_as(GoogleCloudOptions)
    return (
        f"https://console.cloud.google.com/dataflow/jobs/{cloud.region}/{job_id}"
        f"?project={cloud.project}"
    )
