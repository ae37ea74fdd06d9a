"""Launches against stubs of Google Cloud, and reads the submitted job."""

import base64
import bz2
import json
import logging
import re
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass
from io import StringIO
from typing import Final

import pytest
from apache_beam.portability import common_urns, python_urns
from apache_beam.portability.api import beam_runner_api_pb2 as api
from apache_beam.runners.pipeline_context import PipelineContext
from google.cloud.dataflow_v1beta3 import Job

from pipeline.__main__ import main
from tests.deploy.google_cloud import GoogleCloud, google_cloud
from tests.transforms.graphs import steps

CANARY: Final = "kanarienvogel"
# The parameters without a default.
GIVEN: Final = {
    "project": "acme-prod",
    "region": "europe-west1",
    "temp_location": "gs://acme-staging/temp",
    "sdk_container_image": "europe-west1-docker.pkg.dev/acme-prod/fanout/fanout:1",
    "max_num_workers": "4",
    "subscription": "projects/acme-prod/subscriptions/fanout-pipeline",
    "dead_letter_topic": "projects/acme-prod/topics/domain-events-dead",
    "database_url": "postgresql://fanout_pipeline@10.20.0.3/app",
    "database_password_secret": "projects/acme-prod/secrets/fanout-database-password",
    "database_ca_secret": "projects/acme-prod/secrets/fanout-database-ca",
}

_QUIETENED: Final = ("apache_beam", "psycopg.pool", "google")
_PAR_DO: Final = common_urns.primitives.PAR_DO.urn
# The transforms that Dataflow runs in a Python streaming job without a splittable DoFn.
_SUPPORTED: Final = {
    _PAR_DO,
    common_urns.primitives.ASSIGN_WINDOWS.urn,
    common_urns.primitives.FLATTEN.urn,
    common_urns.primitives.GROUP_BY_KEY.urn,
    common_urns.primitives.IMPULSE.urn,
    common_urns.composites.PUBSUB_READ.urn,
}
# The input and state of a step with state, in coders that every version can read.
_KEPT: Final = re.compile(
    r"input kv\((?:string_utf8|varint), (?:bytes|iterable\(bytes\))\)|(?:state|timer) [^.]+"
)
# How Beam packs a pickle: in base64, over bzip2 for a DoFn and over zlib for a coder.
_PACKED: Final = re.compile(rb"(?:QlpoO|eN|eJ)[A-Za-z0-9+/]{16,}={0,2}")
_BY_VALUE: Final = (b"__main__", b"_make_function", b"_make_skeleton_class")


@dataclass(frozen=True, slots=True)
class Done:
    """The exit status and the output of a command."""

    status: object
    stdout: str
    stderr: str


def flags(*more: str, **changed: str | None) -> list[str]:
    """Build the arguments of a launch; None leaves a parameter out."""
    given = (GIVEN | changed).items()
    return [*(f"--{name}={value}" for name, value in given if value is not None), *more]


def command(*arguments: str) -> Done:
    """Run the command in this process: a new process takes seconds to import Beam."""
    stdout, stderr = StringIO(), StringIO()
    levels = {name: logging.getLogger(name).level for name in _QUIETENED}
    status: object
    try:
        with redirect_stdout(stdout), redirect_stderr(stderr):
            status = main(["run", "--runner=DataflowRunner", *arguments])
    except SystemExit as ended:
        status = ended.code
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
    return Done(status, stdout.getvalue(), stderr.getvalue())


@contextmanager
def stand_ins() -> Iterator[GoogleCloud]:
    """Run the stubs of Google Cloud; at the end, check that they knew every request."""
    with google_cloud() as cloud, pytest.MonkeyPatch.context() as environment:
        environment.setenv("STORAGE_EMULATOR_HOST", cloud.address)
        yield cloud
        assert cloud.unexpected == []


def launch(cloud: GoogleCloud, *more: str, **changed: str | None) -> Done:
    """Launch a job against the stubs."""
    return command(*flags(f"--dataflow_endpoint={cloud.address}", "--no_auth", *more, **changed))


def job_of(document: bytes) -> Job:
    """Parse a job as Dataflow does; an unknown field is an error."""
    job: Job = Job.from_json(document, ignore_unknown_fields=False)
    return job


def sent(cloud: GoogleCloud) -> dict[str, bytes]:
    """Return everything that was sent, by its name."""
    jobs = {f"job {number}": json.dumps(job).encode() for number, job in enumerate(cloud.jobs, 1)}
    return {**jobs, **cloud.objects}


def staged_graph(cloud: GoogleCloud) -> api.Pipeline:
    """Return the staged graph."""
    [staged] = [data for name, data in cloud.objects.items() if name.endswith("/pipeline.pb")]
    graph: api.Pipeline = api.Pipeline.FromString(staged)
    return graph


def unpacked(data: bytes) -> Iterator[bytes]:
    """Yield bytes and everything that is packed into them, to any depth."""
    yield data
    for packed in _PACKED.findall(data):
        pickled = base64.b64decode(packed[: len(packed) // 4 * 4])
        with suppress(OSError, zlib.error):
            # Both formats ignore bytes after their end.
            opened = (
                bz2.BZ2Decompressor().decompress(pickled)
                if packed.startswith(b"Ql")
                else zlib.decompressobj().decompress(pickled)
            )
            yield from unpacked(opened)


def places(text: str, everything: Mapping[str, bytes]) -> list[str]:
    """Return the names of the data that contain a text, packed or not."""
    return [
        name
        for name, data in everything.items()
        if any(text.encode() in each for each in unpacked(data))
    ]


def par_dos(graph: api.Pipeline) -> dict[str, api.ParDoPayload]:
    """Return every step with a DoFn, by its label."""
    return {
        each.unique_name: api.ParDoPayload.FromString(each.spec.payload)
        for each in graph.components.transforms.values()
        if each.spec.urn == _PAR_DO
    }


def description(graph: api.Pipeline) -> list[str]:
    """Describe every step in a line, followed by the data that an update must carry over."""
    stateful = {label: each for label, each in par_dos(graph).items() if is_stateful(each)}
    lines = []
    for label in sorted(steps(graph)):
        lines.append(label)
        if label in stateful:
            lines += [f"    {line}" for line in _kept(graph, label, stateful[label])]
    return lines


def is_stateful(payload: api.ParDoPayload) -> bool:
    """Return whether Dataflow keeps state or timers for the step."""
    return bool(payload.state_specs or payload.timer_family_specs)


def _kept(graph: api.Pipeline, label: str, payload: api.ParDoPayload) -> Iterator[str]:
    yield f"input {input_coder(graph, label)}"
    for name, state in sorted(payload.state_specs.items()):
        kind = state.WhichOneof("spec")
        assert kind is not None
        spec = getattr(state, kind)
        coder_id = spec.element_coder_id if kind == "bag_spec" else spec.coder_id
        yield f"state {name} {kind} {coder_name(graph, coder_id)}"
    for name, timer in sorted(payload.timer_family_specs.items()):
        domain = api.TimeDomain.Enum.Name(timer.time_domain)
        yield f"timer {name} {domain} {coder_name(graph, timer.timer_family_coder_id)}"


def input_coder(graph: api.Pipeline, label: str) -> str:
    """Return the name of the coder of a step's input."""
    transforms = graph.components.transforms.values()
    [step] = [each for each in transforms if each.unique_name == label]
    [collection] = step.inputs.values()
    return coder_name(graph, graph.components.pcollections[collection].coder_id)


def coder_name(graph: api.Pipeline, coder_id: str) -> str:
    """Return the standard name of Beam's own coders, and the class of all others."""
    coder = graph.components.coders[coder_id]
    if coder.spec.urn == python_urns.PICKLED_CODER:
        found = type(PipelineContext(graph.components).coders.get_by_id(coder_id))
        return f"{found.__module__}.{found.__qualname__}"
    parts = ", ".join(coder_name(graph, part) for part in coder.component_coder_ids)
    name = coder.spec.urn.split(":")[2]
    return f"{name}({parts})" if parts else name


def faults(graph: api.Pipeline) -> list[str]:
    """List the parts of a graph that Dataflow can't run or that an update can't carry over."""
    found = [f"{label}: {urn}" for label, urn in steps(graph).items() if urn not in _SUPPORTED]
    found += [f"{label} is not labelled" for label in steps(graph) if "<lambda" in label]
    found += [f"{need} is needed" for need in graph.requirements if "splittable" in need]
    for label, payload in par_dos(graph).items():
        if is_stateful(payload):
            kept = _kept(graph, label, payload)
            found += [f"{label} keeps {each}" for each in kept if not _KEPT.fullmatch(each)]
    for coder_id, coder in graph.components.coders.items():
        opened = b"".join(unpacked(coder.spec.payload))
        found += [f"{coder_id} is pickled by value" for mark in _BY_VALUE if mark in opened]
    return found
