"""The pipeline outside of Dataflow: systemd's units, the image, Kubernetes' manifest."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from psycopg.conninfo import conninfo_to_dict

from pipeline.__main__ import main
from pipeline.domain.graph import Graph
from pipeline.mail.brand import BRAND_VARIABLES, read_brand
from pipeline.settings.mail import MAIL_VARIABLES, read_mail_settings
from pipeline.settings.outgoing_webhooks import OUTGOING_VARIABLES
from pipeline.settings.push import PUSH_VARIABLES
from pipeline.settings.secret_list import is_secret_name
from pipeline.settings.webhooks import WEBHOOK_VARIABLES
from tests.databases import Database
from tests.deploy.test_image import ROOT, hadolint
from tests.streams import DEAD_LETTER_TOPIC, SUBSCRIPTION, broker

SYSTEMD: Final = ROOT / "deploy/systemd"
UNITS: Final = sorted(SYSTEMD.glob("fanout-*"))
SERVICES: Final = [path for path in UNITS if path.suffix == ".service"]
DOCKERFILE: Final = ROOT / "deploy/kubernetes/Dockerfile"
# What runs graphs; the service has tests of its own.
MANIFESTS: Final = {
    path.name: path.read_text("utf-8")
    for path in sorted((ROOT / "deploy/kubernetes").glob("*.yaml"))
    if path.name != "service.yaml"
}
# The graphs that can be deployed, with the name of their unit and of their Deployment.
DEPLOYED: Final = {
    Graph.FANOUT: "fanout-stream",
    Graph.JOBS: "fanout-jobs",
    Graph.MAIL: "fanout-mail",
    Graph.PUSH: "fanout-push",
    Graph.REACTIONS: "fanout-reactions",
}
# Each graph has an account of its own. What is no graph is with the stream.
ACCOUNTS: Final = {name: name for graph, name in DEPLOYED.items() if graph is not Graph.FANOUT}
HOME: Final = "/opt/fanout"
SECRET: Final = re.compile("PASSWORD|SECRET|TOKEN|API_KEY|WEBHOOK_KEY|SMTP_URL|PGPASS$")
# Variables that the program or libpq reads. The others are used in arguments.
READ: Final = {
    *("DATABASE_URL", "PGPASSWORD", "LOG_LEVEL", "SUBSCRIPTION", "DEAD_LETTER_TOPIC"),
    *("JOBS_SUBSCRIPTION", "TICK_TOPIC", "REACTIONS_SUBSCRIPTION", "REACTION_TOPIC"),
    *("OPERATOR_DATABASE_URL", "VIEWER_DATABASE_URL", "SERVICE_HOST", "SERVICE_PORT", "TOPIC"),
    *("PUSH_SUBSCRIPTION", *PUSH_VARIABLES, *OUTGOING_VARIABLES),
    *("MAIL_SUBSCRIPTION", *MAIL_VARIABLES, *BRAND_VARIABLES, *WEBHOOK_VARIABLES),
}

Verify = Callable[[Mapping[str, str]], str]


def settings(unit: Path) -> dict[str, list[str]]:
    """Return every setting of a unit; a repeated setting has several values."""
    found: dict[str, list[str]] = {}
    for line in unit.read_text("utf-8").splitlines():
        name, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found.setdefault(name, []).append(value)
    return found


def variables(path: Path) -> dict[str, str]:
    """Return the variables of an EnvironmentFile."""
    lines = path.read_text("utf-8").splitlines()
    pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {variable: value for variable, _, value in pairs}


def environment(unit: Path) -> dict[str, str]:
    """Return the variables of the files that a unit cannot do without; a later one wins."""
    given: dict[str, str] = {}
    for path in settings(unit)["EnvironmentFile"]:
        if not path.startswith("-"):
            given |= variables(SYSTEMD / Path(path).name)
    return given


def command(unit: Path, values: Mapping[str, str]) -> list[str]:
    """Return the command of a unit, with its variables filled in as systemd does."""
    [line] = settings(unit)["ExecStart"]
    return [
        re.sub(r"\$\{(\w+)\}", lambda found: values[found[1]], word) for word in shlex.split(line)
    ]


def understands(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> bool:
    """Return whether the arguments are valid: only then the missing database is reported."""
    monkeypatch.delenv("DATABASE_URL", raising=False)
    try:
        return main(arguments) == 1
    except SystemExit:
        return False


@pytest.fixture
def verify(tmp_path: Path) -> Verify:
    """Let systemd verify units whose paths point to this environment."""
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is not installed")

    def look(changes: Mapping[str, str]) -> str:
        for unit in UNITS:
            text = unit.read_text("utf-8")
            text = text.replace(f"{HOME}/.venv", sys.prefix).replace(HOME, str(ROOT))
            for old, new in changes.items():
                text = text.replace(old, new)
            (tmp_path / unit.name).write_text(text, "utf-8")
        units = [str(tmp_path / unit.name) for unit in UNITS]
        done = subprocess.run(
            [program, "verify", "--man=no", *units], capture_output=True, text=True, check=False
        )
        # systemd also reports faults of the machine's own units.
        return "\n".join(line for line in done.stderr.splitlines() if "fanout" in line)

    return look


def test_systemd_finds_nothing_wrong_with_the_units(verify: Verify) -> None:
    assert verify({}) == ""


@pytest.mark.parametrize(
    ("old", "new", "noticed"),
    [
        ("RestartSec", "RestartSeconds", "Unknown key 'RestartSeconds'"),
        ("Restart=always", "Restart=allways", "allways"),
        ("bin/python", "bin/no-python", "not executable"),
    ],
)
def test_what_is_wrong_with_a_unit_would_be_noticed(
    old: str,
    new: str,
    noticed: str,
    verify: Verify,
) -> None:
    assert noticed in verify({old: new})


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.stem)
def test_a_unit_starts_a_command_that_is_understood(
    unit: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python, *arguments = command(unit, environment(unit))
    assert python == f"{HOME}/.venv/bin/python"
    assert arguments[:2] == ["-m", "pipeline"]
    assert understands(arguments[2:], monkeypatch)
    assert not understands([*arguments[2:], "--unheard-of"], monkeypatch)


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.stem)
def test_a_unit_has_its_password_from_a_file_and_few_rights(unit: Path) -> None:
    found = settings(unit)
    [credential] = found["LoadCredential"]
    logins = "pipeline|console|jobs|mail|push|reactions|service"
    assert re.fullmatch(rf"pgpass:/etc/fanout/({logins})\.pgpass", credential)
    assert "PGPASSFILE=%d/pgpass" in found["Environment"][0]
    assert found["DynamicUser"] == found["NoNewPrivileges"] == ["yes"]
    assert found["ProtectSystem"] == ["strict"]


def test_the_units_that_have_to_run_are_started_again_for_as_long_as_it_takes() -> None:
    running = [unit for unit in SERVICES if "oneshot" not in settings(unit).get("Type", [])]
    assert {unit.stem for unit in running} == {
        *DEPLOYED.values(),
        *("fanout-catch-up", "fanout-service"),
    }
    for unit in running:
        found = settings(unit)
        assert found["Restart"] == ["always"]
        assert found["StartLimitIntervalSec"] == ["0"]
        assert found["WantedBy"] == ["multi-user.target"]


def secrets(given: Mapping[str, str]) -> list[str]:
    """List the variables that hold a secret, in place of its name in Secret Manager."""
    return [name for name in given if SECRET.search(name) and not is_secret_name(given[name])]


@pytest.mark.parametrize("path", sorted(SYSTEMD.glob("*.env")), ids=lambda path: path.name)
def test_a_file_of_variables_holds_no_secret(path: Path) -> None:
    given = variables(path)
    assert given.keys() <= READ
    assert secrets(given) == []
    urls = [value for variable, value in given.items() if variable.endswith("DATABASE_URL")]
    for url in map(conninfo_to_dict, urls):
        assert "password" not in url
        assert url["sslmode"] == "verify-full"


def test_control_a_secret_in_a_file_of_variables_is_noticed() -> None:
    given = variables(SYSTEMD / "mail.env")
    assert secrets(given | {"UNSUBSCRIBE_SECRET": "hunter2" * 5}) == ["UNSUBSCRIBE_SECRET"]
    assert secrets(given | {"RESEND_API_KEY": "re_hunter2"}) == ["RESEND_API_KEY"]


@pytest.mark.parametrize("graph", Graph)
def test_a_unit_and_a_manifest_run_each_graph(graph: Graph) -> None:
    """Who adds a graph adds its unit, its manifest, and a line to ``DEPLOYED``."""
    chosen = [] if graph is Graph.FANOUT else [f"--graph={graph}"]
    unit = SYSTEMD / f"{DEPLOYED[graph]}.service"
    [container] = every_pod()[DEPLOYED[graph]]["containers"]
    for arguments in (command(unit, environment(unit))[3:], container["args"]):
        words = " ".join(arguments).replace("--graph ", "--graph=").split()
        assert words[0] == "run"
        assert [word for word in words if word.startswith("--graph")] == chosen


@pytest.mark.parametrize(
    "folder", [SYSTEMD, ROOT / "deploy/kubernetes"], ids=lambda path: path.name
)
def test_the_readme_names_every_file_that_is_to_be_installed(folder: Path) -> None:
    said = (folder / "README.md").read_text("utf-8")
    files = {path.name for path in folder.iterdir() if path.suffix in {".service", ".env", ".yaml"}}
    # And the files of passwords and secrets, which the units read.
    for unit in folder.glob("*.service"):
        files |= set(re.findall(r"/etc/fanout/([\w-]+\.(?:pgpass|env))", unit.read_text("utf-8")))
    assert [name for name in sorted(files) if f"`{name}`" not in said] == []


def test_the_stream_runs_as_its_unit_starts_it(database: Database, tmp_path: Path) -> None:
    """Run it with the password only in the file."""
    login = conninfo_to_dict(database.dsn)
    password = login.pop("password")
    address = " ".join(f"{name}={value}" for name, value in login.items())
    passwords = tmp_path / "pgpass"
    passwords.touch(mode=0o400)
    passwords.chmod(0o600)
    passwords.write_text(f"{login['host']}:{login['port']}:*:{login['user']}:{password}\n", "utf-8")
    values = {"SUBSCRIPTION": SUBSCRIPTION, "DEAD_LETTER_TOPIC": DEAD_LETTER_TOPIC}
    [_, *arguments] = command(SYSTEMD / "fanout-stream.service", values)
    with broker() as events:
        stream = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=os.environ
            | {
                "DATABASE_URL": address,
                "PGPASSFILE": str(passwords),
                "PUBSUB_EMULATOR_HOST": events.emulator.address,
            },
            stderr=subprocess.PIPE,
            text=True,
        )
        assert stream.stderr is not None
        with stream:
            assert "reading" in stream.stderr.readline()
            stream.send_signal(signal.SIGTERM)
            assert stream.wait(30) == 0


def test_the_linter_finds_nothing_in_the_image() -> None:
    linted = hadolint(DOCKERFILE)
    assert (linted.returncode, json.loads(linted.stdout)) == (0, [])


def test_the_image_is_installed_from_the_lock_and_runs_as_nobody() -> None:
    text = DOCKERFILE.read_text("utf-8").replace("\\\n", " ")
    installations = re.findall(r"(?:uv )?pip (?:install|wheel) [^&\n]+", text)
    assert len(installations) == 7
    for each in installations:
        assert "--require-hashes" in each or "--no-index" in each, each
        assert "--no-deps" in each, each
    # Of the pipeline, and of the service.
    assert len(re.findall(r"^USER 10001:10001$", text, re.M)) == 2
    assert len(re.findall(r'^ENTRYPOINT \["python", "-m", "pipeline"\]$', text, re.M)) == 2
    bases = [
        re.findall(r"^ARG PYTHON_IMAGE=(\S+)", path.read_text("utf-8"), re.M)
        for path in (DOCKERFILE, ROOT / "deploy/Dockerfile")
    ]
    assert bases[0] == bases[1]


def pods(text: str) -> dict[str, Any]:
    """Return the specification of each workload's pods, by the name of the workload."""
    found = {}
    for document in yaml.safe_load_all(text):
        spec = document.get("spec", {})
        spec = spec.get("jobTemplate", {}).get("spec", spec)
        if "template" in spec:
            found[document["metadata"]["name"]] = spec["template"]["spec"]
    return found


def every_pod() -> dict[str, Any]:
    """Return what ``pods`` does, of all manifests."""
    return {name: pod for text in MANIFESTS.values() for name, pod in pods(text).items()}


def configured(text: str) -> tuple[str, dict[str, str]]:
    """Return the name and the variables of the ConfigMap."""
    [found] = [each for each in yaml.safe_load_all(text) if each["kind"] == "ConfigMap"]
    return found["metadata"]["name"], found["data"]


def manifest_faults(text: str) -> list[str]:
    """List the faults of a manifest that runs the pipeline."""
    documents = list(yaml.safe_load_all(text))
    name_of_all, configuration = configured(text)
    accounts = {each["metadata"]["name"] for each in documents if each["kind"] == "ServiceAccount"}
    faults = [
        f"{document['metadata']['name']} selects other pods than its own"
        for document in documents
        if document["kind"] == "Deployment"
        and document["spec"]["selector"]["matchLabels"]
        != document["spec"]["template"]["metadata"]["labels"]
    ]
    faults += [
        f"{name} holds a password"
        for name, value in configuration.items()
        if name.endswith("DATABASE_URL") and "password" in conninfo_to_dict(value)
    ]
    faults += [f"the ConfigMap holds {name}" for name in configuration if SECRET.search(name)]
    for name, pod in pods(text).items():
        [container] = pod["containers"]
        faults += [f"{name}: {fault}" for fault in _pod_faults(name, pod, container, accounts)]
        for variable in container["env"]:
            source = variable.get("valueFrom", {})
            is_secret = SECRET.search(variable["name"]) is not None
            if is_secret != ("secretKeyRef" in source):
                faults.append(f"{name}: {variable['name']} is not where it belongs")
            elif not is_secret and source["configMapKeyRef"]["key"] not in configuration:
                faults.append(f"{name}: {variable['name']} is not in the ConfigMap")
        given = {variable["name"] for variable in container["env"]}
        for source in container.get("envFrom", ()):
            if source.get("configMapRef", {}).get("name") == name_of_all:
                given |= configuration.keys()
        used = set(re.findall(r"\$\((\w+)\)", " ".join(container["args"])))
        faults += [f"{name}: {missing} is not set" for missing in sorted(used - given)]
        faults += [f"{name}: nothing reads {unread}" for unread in sorted(given - READ)]
    return faults


def _pod_faults(
    name: str, pod: dict[str, Any], container: dict[str, Any], accounts: Collection[str]
) -> Iterator[str]:
    account = ACCOUNTS.get(name, "fanout-pipeline")
    if pod["serviceAccountName"] != account or account not in accounts:
        yield "another service account"
    if not pod["securityContext"]["runAsNonRoot"] or pod["securityContext"]["runAsUser"] != 10001:
        yield "does not run as the user of the image"
    if not container["securityContext"]["readOnlyRootFilesystem"]:
        yield "can write to its image"
    if "memory" not in container["resources"]["limits"]:
        yield "has no limit of memory"
    if "@sha256:" not in container["image"]:
        yield "has no fixed image"
    volumes = {volume["name"] for volume in pod["volumes"]}
    if {mount["name"] for mount in container["volumeMounts"]} != volumes:
        yield "mounts other volumes than it has"


@pytest.mark.parametrize("name", MANIFESTS)
def test_nothing_is_wrong_with_a_manifest(name: str) -> None:
    assert manifest_faults(MANIFESTS[name]) == []


def test_the_manifests_run_the_graphs_and_what_watches_them() -> None:
    assert set(every_pod()) == {*DEPLOYED.values(), "fanout-catch-up", "fanout-check"}


@pytest.mark.parametrize(
    ("old", "new", "noticed"),
    [
        ("secretKeyRef", "configMapKeyRef", "PGPASSWORD is not where it belongs"),
        ("pipeline@DATABASE", "pipeline:secret@DATABASE", "holds a password"),
        ("- name: SUBSCRIPTION", "- name: SUBSCRIBTION", "SUBSCRIPTION is not set"),
        (
            "serviceAccountName: fanout-jobs",
            "serviceAccountName: fanout-pipeline",
            "another service",
        ),
        ("runAsUser: 10001", "runAsUser: 0", "does not run as the user of the image"),
        ("@sha256:DIGEST", ":latest", "has no fixed image"),
        ("matchLabels: {app: fanout-stream}", "matchLabels: {app: stream}", "selects other pods"),
    ],
)
def test_what_is_wrong_with_a_manifest_would_be_noticed(old: str, new: str, noticed: str) -> None:
    text = MANIFESTS["pipeline.yaml"]
    assert any(noticed in fault for fault in manifest_faults(text.replace(old, new)))


@pytest.mark.parametrize(
    ("old", "new", "noticed"),
    [
        ("  BRAND_NAME: Acme", "  BRAND_NAMED: Acme", "nothing reads BRAND_NAMED"),
        ("  EMAIL_PROVIDERS: resend", "  RESEND_API_KEY: re_1", "the ConfigMap holds RESEND_API"),
        ("- configMapRef: {name: fanout-mail}", "- configMapRef: {name: other}", "is not set"),
        ("serviceAccountName: fanout-mail", "serviceAccountName: default", "another service"),
    ],
)
def test_what_is_wrong_with_that_of_mail_would_be_noticed(old: str, new: str, noticed: str) -> None:
    text = MANIFESTS["mail.yaml"]
    assert any(noticed in fault for fault in manifest_faults(text.replace(old, new)))


def test_mail_has_a_provider_a_brand_and_a_secret_to_unsubscribe() -> None:
    """Read the settings as the process does: what they lack stops it at its start."""
    _, configuration = configured(MANIFESTS["mail.yaml"])
    secret = {"RESEND_API_KEY": "re_1", "UNSUBSCRIBE_SECRET": "s" * 32}
    for given in (environment(SYSTEMD / "fanout-mail.service"), configuration | secret):
        assert read_mail_settings(given).unsubscribe.makes_links
        assert read_brand(given).name == "Acme"


@pytest.mark.parametrize("name", sorted(every_pod()))
def test_a_pod_runs_a_command_that_is_understood(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    [container] = every_pod()[name]["containers"]
    values = {
        each: value for text in MANIFESTS.values() for each, value in configured(text)[1].items()
    }
    arguments = [
        re.sub(r"\$\((\w+)\)", lambda found: values[found[1]], word) for word in container["args"]
    ]
    assert understands(arguments, monkeypatch)
    assert not understands([*arguments, "--unheard-of"], monkeypatch)
