import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, Final

import pytest

from pipeline.jobs.job import Job
from pipeline.jobs.table import JOBS
from pipeline.runtime.template import container_spec
from tests.deploy.recorder import Recorder, recorded_programs
from tests.docs.gcloud import command_tree, is_in_gcloud
from tests.local.pubsub.google_emulator import Unusable, google_emulator

ROOT: Final = Path(__file__).resolve().parents[2]
SECONDS: Final = 300

GIVEN: Final = {
    "PROJECT": "acme-prod",
    "REGION": "europe-west1",
    "IMAGE": "registry/acme-prod/fanout:1",
    "SERVICE_IMAGE": "registry/acme-prod/service:1",
    "DEBEZIUM_IMAGE": "registry/acme-prod/debezium:1",
    "TEMPLATE": "gs://acme-prod/template.json",
    "STAGING": "gs://acme-prod/staging",
    "SERVICE_ACCOUNT": "fanout-pipeline@acme-prod.iam.gserviceaccount.com",
    "SUBNETWORK": "regions/europe-west1/subnetworks/workers",
    "DATABASE_URL": "postgresql://fanout_pipeline@10.0.0.5:5432/app",
    "DATABASE_PASSWORD_SECRET": "projects/acme-prod/secrets/password/versions/latest",
    "DATABASE_CA_SECRET": "projects/acme-prod/secrets/authority",
    "JOB": "fanout",
    "CONFIRM": "yes",
}
NEEDED: Final = {
    "image": ("IMAGE",),
    "service-image": ("SERVICE_IMAGE",),
    "debezium-image": ("DEBEZIUM_IMAGE",),
    "template": ("IMAGE", "TEMPLATE"),
    "topics": ("PROJECT",),
    "schedules": ("PROJECT", "REGION"),
    "launch": (
        *("PROJECT", "REGION", "IMAGE", "TEMPLATE", "STAGING", "SERVICE_ACCOUNT", "SUBNETWORK"),
        *("DATABASE_URL", "DATABASE_PASSWORD_SECRET", "DATABASE_CA_SECRET"),
    ),
    "drain": ("PROJECT", "REGION", "JOB"),
    "cancel": ("PROJECT", "REGION", "JOB"),
}
NEEDED["update"] = NEEDED["update-check"] = NEEDED["launch"]
NEEDED["workers"] = (*NEEDED["drain"], "MAX_WORKERS")

WHERE: Final = ["--project=acme-prod", "--region=europe-west1"]
BUILD: Final = ["docker", "buildx", "build", "--platform=linux/amd64", "--push"]
LAUNCH: Final = [
    *("gcloud", "dataflow", "flex-template", "run", "fanout", *WHERE),
    "--template-file-gcs-location=gs://acme-prod/template.json",
    "--staging-location=gs://acme-prod/staging",
    "--service-account-email=fanout-pipeline@acme-prod.iam.gserviceaccount.com",
    "--max-workers=3",
    "--subnetwork=regions/europe-west1/subnetworks/workers",
    "--disable-public-ips",
    (
        "--parameters=^;;^subscription=projects/acme-prod/subscriptions/fanout-pipeline"
        ";;dead_letter_topic=projects/acme-prod/topics/domain-events-dead"
        ";;database_url=postgresql://fanout_pipeline@10.0.0.5:5432/app"
        ";;database_password_secret=projects/acme-prod/secrets/password/versions/latest"
        ";;database_ca_secret=projects/acme-prod/secrets/authority"
        ";;sdk_container_image=registry/acme-prod/fanout:1"
    ),
]
SINGLE: Final = {
    "image": [*BUILD, "--file=deploy/Dockerfile", "--tag=registry/acme-prod/fanout:1", "."],
    "service-image": [
        *(*BUILD, "--file=deploy/kubernetes/Dockerfile", "--target=service"),
        *("--tag=registry/acme-prod/service:1", "."),
    ],
    "debezium-image": [*BUILD, "--tag=registry/acme-prod/debezium:1", "debezium"],
    "launch": LAUNCH,
    "update": [*LAUNCH, "--update"],
    "update-check": [*LAUNCH, "--update", "--additional-experiments=graph_validate_only"],
}
LISTED: Final = [
    *("gcloud", "dataflow", "jobs", "list", *WHERE, "--status=active", "--format=value(id)"),
    '--filter=id="fanout" OR name="fanout"',
]
KEPT: Final = ["--ack-deadline=600", "--message-retention-duration=7d", "--expiration-period=never"]
PYTHON: Final = f"BIN={Path(sys.executable).parent}"
JOB_ID: Final = "2026-03-02_10_00_00-1234567890"

# The variables that the targets read, and those that one make passes to another.
READ: Final = {
    *(*GIVEN, "JOB_NAME", "MAX_WORKERS", "SUBSCRIPTION", "DEAD_LETTER_TOPIC", "PARAMETERS"),
    *("GCLOUD_FLAGS", "TRANSFORM_NAME_MAPPINGS", "MAKEFLAGS", "MAKELEVEL", "MFLAGS"),
}
TAB: Final = "\t"
AWKWARD: Final = {
    "spaces": "two  spaces and a\ttab",
    "quotes": """it's "quoted" 'twice'""",
    "substitution": "$(touch canary) `touch canary` ${HOME} $$ $x",
    "operators": "a; touch canary & touch canary | touch canary > canary # && (x)",
    "backslashes": "a\\b\\\\c\\",
    "make": "$(shell touch canary) $(error no) %.o: a,b",
}


@pytest.fixture
def recorder(tmp_path: Path) -> Recorder:
    return recorded_programs(tmp_path / "recorded")


def make(
    *arguments: str, programs: Path | None = None, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run make in the repository, without the variables that a shell may have set for it."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if name not in READ and not name.startswith("CLOUDSDK_")
    }
    path = [str(programs)] if programs else []
    return subprocess.run(
        # These tests run in the virtual environment, so make must not replace it.
        ["make", "--old-file=setup", *arguments],  # noqa: S607
        cwd=ROOT,
        env=inherited
        | (environment or {})
        | {"PATH": os.pathsep.join([*path, os.environ["PATH"]])},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def settings(**changed: str | None) -> list[str]:
    """Build a command line with all variables, some changed and some left out."""
    given = GIVEN | changed
    return [f"{name}={value}" for name, value in given.items() if value is not None]


def targets() -> list[str]:
    return re.findall(r"^\.PHONY: (\S+)", (ROOT / "deploy/deploy.mk").read_text("utf-8"), re.M)


def test_launch_gives_the_template_what_it_asks_for() -> None:
    asked = {each["name"]: each for each in container_spec("image")["metadata"]["parameters"]}
    words = LAUNCH[-1].removeprefix("--parameters=^;;^").split(";;")
    given = dict(word.split("=", 1) for word in words)

    assert given.keys() <= asked.keys()
    assert {name for name, each in asked.items() if not each["isOptional"]} <= given.keys()
    for name, value in given.items():
        assert all(re.search(regex, value) for regex in asked[name]["regexes"]), name


def test_these_tests_know_every_target() -> None:
    assert set(targets()) == set(NEEDED)


def test_help_lists_every_target_in_a_line_of_its_own() -> None:
    lines = make("help").stdout.splitlines()

    for target in [*targets(), "demo", "torture-smoke"]:
        assert [line for line in lines if re.match(rf"  make {target} +\w", line)], target


@pytest.mark.parametrize("target", SINGLE)
def test_a_dry_run_prints_the_command_that_a_run_would_start(
    target: str, recorder: Recorder
) -> None:
    dry = make("-n", target, *settings(), programs=recorder.home)
    nothing = recorder.calls
    run = make(target, *settings(), programs=recorder.home)

    assert shlex.split(dry.stdout) == SINGLE[target], dry.stderr
    assert nothing == []
    assert run.returncode == 0, run.stderr
    assert recorder.calls == [SINGLE[target]]


@pytest.mark.parametrize(
    "target", ["template", "topics", "schedules", "workers", "drain", "cancel"]
)
def test_a_dry_run_of_several_commands_prints_them_and_starts_none(
    target: str, recorder: Recorder
) -> None:
    dry = make("-n", target, *settings(MAX_WORKERS="9"), programs=recorder.home)

    assert dry.returncode == 0, dry.stderr
    assert "gcloud " in dry.stdout
    assert recorder.calls == []


@pytest.mark.parametrize(
    ("target", "name"), [(target, name) for target, names in NEEDED.items() for name in names]
)
def test_a_missing_variable_is_named_in_one_line_before_anything_runs(
    target: str, name: str, recorder: Recorder
) -> None:
    for missing in (None, " "):
        changed = {"MAX_WORKERS": "9"} | {name: missing}
        refused = make(target, *settings(**changed), programs=recorder.home)

        assert refused.returncode == 2
        [line] = refused.stderr.splitlines()
        assert f"make {target} needs {name}, for example {name}=" in line
        assert recorder.calls == []


@pytest.mark.parametrize("value", AWKWARD.values(), ids=AWKWARD)
def test_a_value_reaches_its_command_as_it_was_given(
    value: str, recorder: Recorder, tmp_path: Path
) -> None:
    value = value.replace("canary", f"{tmp_path}/canary")
    names = [name for name in NEEDED["update"] if name not in ("PROJECT", "REGION")]
    awkward = settings(
        **dict.fromkeys(names, value),
        JOB_NAME=value,
        MAX_WORKERS=value,
        PARAMETERS=value,
        GCLOUD_FLAGS=f"--a={value.replace(' ', '').replace(TAB, '')} --b",
        SUBSCRIPTION=value,
        TRANSFORM_NAME_MAPPINGS=value,
    )

    run = make("update", *awkward, programs=recorder.home)

    assert run.returncode == 0, run.stderr
    assert recorder.calls == [
        [
            *("gcloud", "dataflow", "flex-template", "run", value, *WHERE),
            f"--template-file-gcs-location={value}",
            f"--staging-location={value}",
            f"--service-account-email={value}",
            f"--max-workers={value}",
            f"--subnetwork={value}",
            "--disable-public-ips",
            (
                f"--parameters=^;;^subscription={value}"
                ";;dead_letter_topic=projects/acme-prod/topics/domain-events-dead"
                f";;database_url={value}"
                f";;database_password_secret={value};;database_ca_secret={value}"
                f";;sdk_container_image={value}"
            ),
            f"--parameters={value}",
            f"--a={value.replace(' ', '').replace(TAB, '')}",
            "--b",
            "--update",
            f"--transform-name-mappings={value}",
        ]
    ]
    assert not (tmp_path / "canary").exists()


def test_a_value_of_two_lines_starts_nothing(recorder: Recorder, tmp_path: Path) -> None:
    split = settings(SUBNETWORK=f"first\ntouch {tmp_path}/canary")

    refused = make("launch", *split, programs=recorder.home)

    assert refused.returncode == 2
    assert recorder.calls == []
    assert not (tmp_path / "canary").exists()


@pytest.mark.parametrize("goal", ["launch", "update", "update-check"])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "postgresql://writer:secret@10.0.0.5/app"),
        ("DATABASE_URL", "host=10.0.0.5 user=writer password=secret"),
        ("DATABASE_URL", "postgresql://writer@10.0.0.5/app?password=secret"),
        ("PARAMETERS", "pool_size=2,database_url=postgresql://writer:secret@10.0.0.5/app"),
        ("GCLOUD_FLAGS", "--parameters=database_url=postgresql://writer:secret@10.0.0.5/app"),
    ],
)
def test_a_connection_string_with_a_password_goes_nowhere(
    goal: str, name: str, value: str, recorder: Recorder
) -> None:
    for arguments in ([goal], ["-n", goal]):
        refused = make(*arguments, *settings(**{name: value}), programs=recorder.home)

        assert refused.returncode == 2
        [line] = refused.stderr.splitlines()
        assert f"{name} must hold no password" in line
        assert "secret@" not in refused.stdout + line
        assert recorder.calls == []


def test_an_address_of_mail_after_an_address_of_a_site_is_no_password(recorder: Recorder) -> None:
    given = "^;;^graph=mail;;brand_url=https://app.acme.example;;email_from=A <mail@acme.example>"

    assert make("launch", *settings(PARAMETERS=given), programs=recorder.home).returncode == 0
    assert recorder.calls[0][-1] == f"--parameters={given}"


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ("timestamp_attribute=created_at", True),
        ("pool_size=2,timestamp_attribute=created_at", True),
        ("^;;^pool_size=2;;timestamp_attribute=created_at", True),
        ("timestamp_attribute=publish_time", False),
        ("system_users=timestamp_attribute", False),
        (None, False),
    ],
)
def test_what_an_attribute_needs_is_said_before_the_launch(
    parameters: str | None, recorder: Recorder, *, said: bool
) -> None:
    run = make("launch", *settings(PARAMETERS=parameters), programs=recorder.home)

    assert run.returncode == 0, run.stderr
    assert ("deploy/service-accounts.md" in run.stdout) is said
    assert len(recorder.calls) == 1


def test_further_flags_of_gcloud_are_given_as_they_are(recorder: Recorder) -> None:
    given = "--additional-experiments=streaming_mode_at_least_once --worker-machine-type=n2d-4"

    for target, ending in (("launch", []), ("update", ["--update"])):
        run = make(target, *settings(GCLOUD_FLAGS=given), programs=recorder.home)

        assert run.returncode == 0, run.stderr
        assert recorder.calls[-1] == [*LAUNCH, *given.split(), *ending]


def test_more_workers_are_given_to_the_job_with_their_connections_said(recorder: Recorder) -> None:
    recorder.answer(("gcloud dataflow jobs list", JOB_ID, 0))
    launched = {
        "PARAMETERS": "max_event_age_hours=48,pool_size=2",
        "GCLOUD_FLAGS": "--num-workers=2 --worker-machine-type=n2-standard-4",
    }

    given = settings(MAX_WORKERS="12", **launched)
    run = make("workers", PYTHON, *given, programs=recorder.home)

    assert run.returncode == 0, run.stderr
    assert run.stderr == (
        "Connections to the database: at most 12 workers x 4 processes x 2 = 96 of 100\n"
    )
    assert recorder.calls == [
        LISTED,
        [
            *("gcloud", "dataflow", "jobs", "update-options", JOB_ID, *WHERE),
            "--max-num-workers=12",
        ],
    ]


def test_more_workers_than_the_database_serves_are_given_to_no_job(recorder: Recorder) -> None:
    given = settings(MAX_WORKERS="13")
    refused = make("workers", PYTHON, *given, programs=recorder.home)

    assert refused.returncode != 0
    assert "= 104, more than the 100 of --database_connections" in refused.stderr
    assert recorder.calls == []


def test_what_a_shell_still_has_of_the_embedded_stack_gets_into_no_job(recorder: Recorder) -> None:
    laptop = {
        "DATABASE_URL": "postgresql://postgres@127.0.0.1:5432/fanout",
        "SUBSCRIPTION": "projects/fanout-local/subscriptions/domain-events-pipeline",
        "DEAD_LETTER_TOPIC": "projects/fanout-local/topics/domain-events-dead",
    }

    refused = make(
        "launch", *settings(DATABASE_URL=None), programs=recorder.home, environment=laptop
    )
    run = make("launch", *settings(), programs=recorder.home, environment=laptop)

    assert "make launch needs DATABASE_URL" in refused.stderr
    assert run.returncode == 0, run.stderr
    assert recorder.calls == [LAUNCH]


@pytest.mark.parametrize("confirmation", [None, "", "no", "Yes", "yes please"])
def test_cancel_says_what_it_drops_and_wants_it_confirmed(
    confirmation: str | None, recorder: Recorder
) -> None:
    refused = make("cancel", *settings(CONFIRM=confirmation), programs=recorder.home)

    assert refused.returncode == 2
    [line] = refused.stderr.splitlines()
    for told in ("not written", "make drain", "CONFIRM=yes", "catch-up"):
        assert told in line
    assert recorder.calls == []


@pytest.mark.parametrize("target", ["drain", "cancel"])
def test_a_job_is_stopped_by_its_id_whatever_it_was_called(target: str, recorder: Recorder) -> None:
    recorder.answer(("gcloud dataflow jobs list", JOB_ID, 0))

    stopped = make(target, *settings(), programs=recorder.home)

    assert stopped.returncode == 0, stopped.stderr
    assert recorder.calls == [LISTED, ["gcloud", "dataflow", "jobs", target, JOB_ID, *WHERE]]


@pytest.mark.parametrize("target", ["workers", "drain", "cancel"])
def test_a_job_that_does_not_run_is_left_alone(target: str, recorder: Recorder) -> None:
    refused = make(target, PYTHON, *settings(MAX_WORKERS="9"), programs=recorder.home)

    assert refused.returncode != 0
    assert "no running job has this id or name: fanout" in refused.stderr
    assert recorder.calls == [LISTED]


@pytest.mark.parametrize(
    "answer",
    [
        (f"Failed to drain job [{JOB_ID}]: Permission denied", 0),
        ("ERROR: (gcloud.dataflow.jobs.drain) no credentials", 1),
    ],
)
def test_a_job_that_could_not_be_stopped_is_a_failure(
    answer: tuple[str, int], recorder: Recorder
) -> None:
    recorder.answer(
        ("gcloud dataflow jobs list", JOB_ID, 0), ("gcloud dataflow jobs drain", *answer)
    )

    failed = make("drain", *settings(), programs=recorder.home)

    assert failed.returncode != 0
    assert answer[0] in failed.stderr


def test_topics_are_created_where_they_are_missing(recorder: Recorder) -> None:
    recorder.answer(
        ("gcloud pubsub topics describe domain-events ", "", 0),
        ("gcloud pubsub subscriptions describe fanout-dead-letters", "", 0),
        *((f"gcloud pubsub {kind} describe", "", 1) for kind in ("topics", "subscriptions")),
    )

    run = make("topics", *settings(), programs=recorder.home)

    assert run.returncode == 0, run.stderr
    created = [call[1:] for call in recorder.calls if "create" in call]
    assert created == [
        ["pubsub", "topics", "create", "domain-events-dead", "--project=acme-prod"],
        ["pubsub", "topics", "create", "domain-events-heartbeats", "--project=acme-prod"],
        ["pubsub", "topics", "create", "job-ticks", "--project=acme-prod"],
        ["pubsub", "topics", "create", "deliveries", "--project=acme-prod"],
        ["pubsub", "topics", "create", "reaction-events", "--project=acme-prod"],
        [
            *("pubsub", "subscriptions", "create", "fanout-pipeline", "--project=acme-prod"),
            *("--topic=domain-events", *KEPT),
        ],
        [
            *("pubsub", "subscriptions", "create", "fanout-mail", "--project=acme-prod"),
            *("--topic=deliveries", *KEPT),
        ],
        [
            *("pubsub", "subscriptions", "create", "fanout-push", "--project=acme-prod"),
            *("--topic=deliveries", *KEPT),
        ],
        [
            *("pubsub", "subscriptions", "create", "fanout-reactions", "--project=acme-prod"),
            *("--topic=reaction-events", *KEPT),
        ],
        [
            *("pubsub", "subscriptions", "create", "fanout-jobs", "--project=acme-prod"),
            *("--topic=job-ticks", *KEPT),
        ],
    ]


def ticks(verb: str, attributes: str, job: Job) -> list[str]:
    """Return the call of gcloud that makes or changes the entry of a job."""
    return [
        *("gcloud", "scheduler", "jobs", verb, "pubsub", f"fanout-{job.name}"),
        *("--project=acme-prod", "--location=europe-west1", "--topic=job-ticks"),
        *(f"--schedule={job.schedule.cron}", f"--time-zone={job.schedule.zone}"),
        *(f"--{attributes}=job={job.name}", "--max-retry-attempts=5"),
    ]


def test_every_job_gets_an_entry_of_cloud_scheduler_or_its_own_is_changed(
    recorder: Recorder,
) -> None:
    first, *others = JOBS.values()
    describe = "gcloud scheduler jobs describe"
    recorder.answer((f"{describe} fanout-{first.name} ", "", 0), (describe, "", 1))

    run = make("schedules", PYTHON, *settings(), programs=recorder.home)

    assert run.returncode == 0, run.stderr
    made = [call for call in recorder.calls if "describe" not in call]
    assert made == [
        ticks("update", "update-attributes", first),
        *(ticks("create", "attributes", job) for job in others),
    ]
    assert not any(recorder.received)
    tree = command_tree()
    assert [call for call in recorder.calls if not is_in_gcloud(call, tree)] == []


def test_an_entry_that_cannot_be_made_is_a_failure(recorder: Recorder) -> None:
    recorder.answer(("gcloud scheduler", "", 1))

    failed = make("schedules", PYTHON, *settings(), programs=recorder.home)

    assert failed.returncode != 0
    assert len(recorder.calls) == 2


def test_a_topic_that_cannot_be_created_is_a_failure(recorder: Recorder) -> None:
    recorder.answer(("gcloud pubsub topics", "", 1))

    failed = make("topics", *settings(), programs=recorder.home)

    assert failed.returncode != 0
    assert not [call for call in recorder.calls if "subscriptions" in call]


def test_the_template_that_is_uploaded_names_the_image(recorder: Recorder) -> None:
    run = make("template", PYTHON, *settings(), programs=recorder.home)

    assert run.returncode == 0, run.stderr
    assert recorder.calls == [["gcloud", "storage", "cp", "-", "gs://acme-prod/template.json"]]
    assert json.loads(recorder.received[0])["image"] == "registry/acme-prod/fanout:1"


def test_a_template_that_could_not_be_made_is_not_uploaded(
    recorder: Recorder, tmp_path: Path
) -> None:
    failed = make("template", f"BIN={tmp_path}", *settings(), programs=recorder.home)

    assert failed.returncode != 0
    assert recorder.calls == []


class Api(HTTPServer):
    """Receives the requests of the real gcloud instead of Google, and records them."""

    def __init__(self, answers: dict[str, Any], status: int) -> None:
        super().__init__(("127.0.0.1", 0), _Asked)
        self.answers = answers
        self.status = status
        self.asked: list[tuple[str, Any]] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/"


class _Asked(BaseHTTPRequestHandler):
    server: Api

    def do_POST(self) -> None:
        self._answer()

    def do_PUT(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        path = self.path.partition("?")[0]
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.asked.append((f"{self.command} {path}", json.loads(body or b"null")))
        answer = json.dumps(self.server.answers.get(self.command, {})).encode()
        self.send_response(self.server.status if self.command != "GET" else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the base's name
        """Log nothing."""


@contextmanager
def api(answers: dict[str, Any], status: int = 200) -> Iterator[Api]:
    with Api(answers, status) as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.05])
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def gcloud(tmp_path: Path) -> dict[str, str]:
    """The environment of a real gcloud without accounts and without credentials."""
    if shutil.which("gcloud") is None:
        pytest.skip("gcloud is not installed")
    (tmp_path / "token").write_text("nobody", "utf-8")
    return {
        "CLOUDSDK_CONFIG": str(tmp_path / "gcloud"),
        "CLOUDSDK_AUTH_ACCESS_TOKEN_FILE": str(tmp_path / "token"),
        "CLOUDSDK_CORE_CHECK_GCE_METADATA": "false",
        "CLOUDSDK_CORE_DISABLE_PROMPTS": "true",
        "CLOUDSDK_CORE_DISABLE_USAGE_REPORTING": "true",
    }


def test_the_real_gcloud_asks_dataflow_for_the_job_that_was_meant(gcloud: dict[str, str]) -> None:
    url = "postgresql://fanout_pipeline@10.0.0.5,10.0.0.6/app?options=-c a=b;c&x='$y"
    chosen = settings(
        DATABASE_URL=url,
        PARAMETERS="max_event_age_hours=48,batch_size=200",
        TRANSFORM_NAME_MAPPINGS="Old=New",
    )
    with api({"POST": {"job": {"id": JOB_ID}}}) as dataflow:
        environment = gcloud | {"CLOUDSDK_API_ENDPOINT_OVERRIDES_DATAFLOW": dataflow.address}

        run = make("update", *chosen, environment=environment)

    assert run.returncode == 0, run.stderr
    [(asked, body)] = dataflow.asked
    assert asked == "POST /v1b3/projects/acme-prod/locations/europe-west1/flexTemplates:launch"
    launch = body["launchParameter"]
    assert launch["jobName"] == "fanout"
    assert launch["containerSpecGcsPath"] == "gs://acme-prod/template.json"
    assert launch["update"] is True
    assert launch["transformNameMappings"] == {"Old": "New"}
    assert launch["parameters"] == {
        "subscription": "projects/acme-prod/subscriptions/fanout-pipeline",
        "dead_letter_topic": "projects/acme-prod/topics/domain-events-dead",
        "database_url": url,
        "database_password_secret": GIVEN["DATABASE_PASSWORD_SECRET"],
        "database_ca_secret": GIVEN["DATABASE_CA_SECRET"],
        "sdk_container_image": GIVEN["IMAGE"],
        "max_event_age_hours": "48",
        "batch_size": "200",
    }
    assert (
        launch["environment"].items()
        >= {
            "ipConfiguration": "WORKER_IP_PRIVATE",
            "maxWorkers": 3,
            "serviceAccountEmail": GIVEN["SERVICE_ACCOUNT"],
            "stagingLocation": "gs://acme-prod/staging",
            "tempLocation": "gs://acme-prod/staging",
            "subnetwork": GIVEN["SUBNETWORK"],
        }.items()
    )


@pytest.mark.parametrize(
    ("target", "experiments"),
    [
        ("launch", ["streaming_mode_at_least_once"]),
        ("update-check", ["streaming_mode_at_least_once", "graph_validate_only"]),
    ],
)
def test_the_real_gcloud_asks_for_every_experiment(
    target: str, experiments: list[str], gcloud: dict[str, str]
) -> None:
    given = settings(GCLOUD_FLAGS="--additional-experiments=streaming_mode_at_least_once")
    with api({"POST": {"job": {"id": JOB_ID}}}) as dataflow:
        environment = gcloud | {"CLOUDSDK_API_ENDPOINT_OVERRIDES_DATAFLOW": dataflow.address}

        run = make(target, *given, environment=environment)

    assert run.returncode == 0, run.stderr
    [(_, body)] = dataflow.asked
    launch = body["launchParameter"]
    assert sorted(launch["environment"]["additionalExperiments"]) == sorted(experiments)
    assert launch.get("update", False) is (target == "update-check")


def test_the_real_gcloud_changes_the_workers_of_the_job_that_was_meant(
    gcloud: dict[str, str],
) -> None:
    with api({"GET": {"jobs": [running(JOB_ID, "fanout")]}}) as dataflow:
        environment = gcloud | {"CLOUDSDK_API_ENDPOINT_OVERRIDES_DATAFLOW": dataflow.address}

        run = make("workers", PYTHON, *settings(MAX_WORKERS="9"), environment=environment)

    assert run.returncode == 0, run.stderr
    [_, (asked, body)] = dataflow.asked
    assert asked == f"PUT /v1b3/projects/acme-prod/locations/europe-west1/jobs/{JOB_ID}"
    assert body == {"runtimeUpdatableParams": {"maxNumWorkers": 9}}


def running(job_id: str, name: str) -> dict[str, str]:
    """Return a job as Dataflow lists it."""
    return {
        "id": job_id,
        "name": name,
        "projectId": "acme-prod",
        "location": "europe-west1",
        "type": "JOB_TYPE_STREAMING",
        "createTime": "2026-03-02T10:00:00Z",
        "currentState": "JOB_STATE_RUNNING",
        "currentStateTime": "2026-03-02T10:00:00Z",
    }


@pytest.mark.parametrize("job", ["fanout", JOB_ID])
def test_the_real_gcloud_finds_the_job_by_name_and_by_id(job: str, gcloud: dict[str, str]) -> None:
    jobs = [running(JOB_ID, "fanout"), running(f"{JOB_ID}9", "fanout-2")]
    with api({"GET": {"jobs": jobs}}) as dataflow:
        environment = gcloud | {"CLOUDSDK_API_ENDPOINT_OVERRIDES_DATAFLOW": dataflow.address}

        run = make("drain", *settings(JOB=job), environment=environment)

    assert run.returncode == 0, run.stderr
    [_, (asked, body)] = dataflow.asked
    assert asked == f"PUT /v1b3/projects/acme-prod/locations/europe-west1/jobs/{JOB_ID}"
    assert body == {"requestedState": "JOB_STATE_DRAINED"}


def test_the_real_gcloud_refused_by_dataflow_is_a_failure(gcloud: dict[str, str]) -> None:
    jobs = [running(JOB_ID, "fanout")]
    with api({"GET": {"jobs": jobs}, "PUT": {"error": {"code": 403}}}, 403) as dataflow:
        environment = gcloud | {"CLOUDSDK_API_ENDPOINT_OVERRIDES_DATAFLOW": dataflow.address}

        failed = make("drain", *settings(), environment=environment)

    assert failed.returncode != 0
    assert f"Failed to drain job [{JOB_ID}]" in failed.stderr


@pytest.mark.timeout(2 * SECONDS)
def test_the_real_gcloud_creates_topics_in_googles_emulator_once(gcloud: dict[str, str]) -> None:
    try:
        with google_emulator() as address:
            environment = gcloud | {"CLOUDSDK_API_ENDPOINT_OVERRIDES_PUBSUB": f"http://{address}/"}

            first = make("topics", *settings(), environment=environment)
            again = make("topics", *settings(), environment=environment)
    except Unusable as reason:
        pytest.skip(str(reason))

    assert first.returncode == 0, first.stderr
    created = re.findall(r"Created (\w+) \[projects/acme-prod/\w+/([\w-]+)\]", first.stderr)
    assert created == [
        ("topic", "domain-events"),
        ("topic", "domain-events-dead"),
        ("topic", "domain-events-heartbeats"),
        ("topic", "job-ticks"),
        ("topic", "deliveries"),
        ("topic", "reaction-events"),
        ("subscription", "fanout-pipeline"),
        ("subscription", "fanout-dead-letters"),
        ("subscription", "fanout-mail"),
        ("subscription", "fanout-push"),
        ("subscription", "fanout-reactions"),
        ("subscription", "fanout-jobs"),
    ]
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")
