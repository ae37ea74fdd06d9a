"""The HTTP service on Kubernetes and Cloud Run: the manifests, and that what they ask exists."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import pytest
import yaml

from pipeline.settings.secret_list import is_secret_name
from service.app import CLOSED, OPEN
from service.server import LINGER_SECONDS, STOP_SECONDS
from tests.deploy.test_image import OF_SERVICE, ROOT, copied, instructions
from tests.deploy.test_own_machines import DEPLOYED, SYSTEMD, command, environment, understands

KUBERNETES: Final = (ROOT / "deploy/kubernetes/service.yaml").read_text("utf-8")
CLOUD_RUN: Final = (ROOT / "deploy/service/cloud-run.yaml").read_text("utf-8")
ADDRESSES: Final = {"DATABASE_URL", "OPERATOR_DATABASE_URL", "VIEWER_DATABASE_URL"}
# Of the link to unsubscribe, and of the reports of providers.
OF_MAIL: Final = {"UNSUBSCRIBE_SECRET", "RESEND_WEBHOOK_SECRET"}
ASKED: Final = ("startupProbe", "readinessProbe", "livenessProbe")


def open_paths() -> set[str]:
    return {str(getattr(route, "path")) for router in OPEN for route in router.routes}  # noqa: B009


def by_kind(text: str) -> dict[str, Any]:
    return {each["kind"]: each for each in yaml.safe_load_all(text)}


def pod(text: str) -> dict[str, Any]:
    """Return the specification of the pods, or of the instances."""
    documents = by_kind(text)
    specification: dict[str, Any] = documents.get("Deployment", documents["Service"])["spec"]
    return dict(specification["template"]["spec"])


def faults(text: str) -> Iterator[str]:
    """Yield what is wrong on both platforms."""
    specification = pod(text)
    [container] = specification["containers"]
    yield from faults_of_probes(container)
    yield from faults_of_logins(container)
    if "@sha256:" not in container["image"]:
        yield "has no fixed image"
    if "memory" not in container["resources"]["limits"]:
        yield "has no limit of memory"
    mounts = {each["name"] for each in container["volumeMounts"]}
    if mounts != {each["name"] for each in specification["volumes"]}:
        yield "mounts other volumes than it has"
    if "://" in re.sub(r"^\s*#.*$", "", text, flags=re.M):
        yield "holds an address"


def faults_of_probes(container: Mapping[str, Any]) -> Iterator[str]:
    for probe in ASKED:
        asked = container.get(probe)
        if asked is None:
            continue
        if asked["httpGet"]["path"] not in open_paths():
            yield f"{probe} asks a path that is closed or does not exist"
        if asked.get("timeoutSeconds", 1) > asked["periodSeconds"]:
            yield f"{probe} waits for longer than its period"
    if container["livenessProbe"]["httpGet"]["path"] != "/health":
        yield "liveness depends on the database"


def faults_of_logins(container: Mapping[str, Any]) -> Iterator[str]:
    variables = {each["name"]: each.get("valueFrom", {}) for each in container["env"]}
    if variables.keys() != {*ADDRESSES, *OF_MAIL, "BRAND_NAME"}:
        yield "another set of variables"
    named = {each["name"] for each in container["env"] if is_secret_name(str(each.get("value")))}
    for name in sorted(ADDRESSES | OF_MAIL - named):
        if "secretKeyRef" not in variables.get(name, {}):
            yield f"{name} is not a secret"
    if variables.get("VIEWER_DATABASE_URL") == variables.get("OPERATOR_DATABASE_URL"):
        yield "reads with the rights to change"


def faults_on_kubernetes(text: str) -> Iterator[str]:
    documents = by_kind(text)
    deployment, specification = documents["Deployment"]["spec"], pod(text)
    [container] = specification["containers"]
    labels = deployment["template"]["metadata"]["labels"]
    for selector in (
        deployment["selector"]["matchLabels"],
        documents["Service"]["spec"]["selector"],
        documents["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
        documents["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"],
    ):
        if selector != labels:
            yield "selects other pods than its own"
    if deployment["replicas"] < 2 or deployment["strategy"]["rollingUpdate"]["maxUnavailable"]:
        yield "an update or a lost node is an outage"
    if not specification["securityContext"]["runAsNonRoot"]:
        yield "may run as root"
    if not container["securityContext"]["readOnlyRootFilesystem"]:
        yield "can write to its image"
    before = int(re.findall(r"sleep\((\d+)\)", str(container["lifecycle"]["preStop"]))[0])
    if before + LINGER_SECONDS + STOP_SECONDS > specification["terminationGracePeriodSeconds"]:
        yield "is killed while it answers"
    for each in documents["NetworkPolicy"]["spec"]["ingress"]:
        if not each.get("from"):
            yield "is open to every pod"


def faults_on_cloud_run(text: str) -> Iterator[str]:
    service = by_kind(text)["Service"]
    annotations: Mapping[str, str] = service["spec"]["template"]["metadata"]["annotations"]
    if not 1 <= int(annotations.get("autoscaling.knative.dev/maxScale", "100")) <= 10:
        yield "may take all connections of the database"
    if service["spec"]["template"]["spec"]["containerConcurrency"] > 100:
        yield "takes more requests than it can answer"
    if "all" in service["metadata"]["annotations"]["run.googleapis.com/ingress"].split("-"):
        yield "is open to the internet"


def test_nothing_is_wrong_with_the_manifests() -> None:
    assert [*faults(KUBERNETES), *faults_on_kubernetes(KUBERNETES)] == []
    assert [*faults(CLOUD_RUN), *faults_on_cloud_run(CLOUD_RUN)] == []


@pytest.mark.parametrize(
    ("old", "new", "noticed"),
    [
        ("path: /ready/database", "path: /v1/me", "closed or does not exist"),
        ("path: /health", "path: /ready", "liveness depends on the database"),
        ("@sha256:DIGEST", ":latest", "no fixed image"),
        ("key: viewer-url", "key: operator-url", "reads with the rights to change"),
        ("name: VIEWER_DATABASE_URL", "name: VIEWER_URL", "another set of variables"),
        (
            "name: RESEND_WEBHOOK_SECRET",
            "name: WEBHOOK_SECRET",
            "RESEND_WEBHOOK_SECRET is not a secret",
        ),
        ("name: scratch, mountPath", "name: other, mountPath", "mounts other volumes"),
        ("replicas: 2", "replicas: 1", "is an outage"),
        ("maxUnavailable: 0", "maxUnavailable: 1", "is an outage"),
        ("selector: {app: fanout-service}", "selector: {app: other}", "selects other pods"),
        ("terminationGracePeriodSeconds: 20", "terminationGracePeriodSeconds: 10", "is killed"),
        ("readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false", "can write"),
        ("    - from:\n", "    - to:\n", "open to every pod"),
    ],
)
def test_what_is_wrong_on_kubernetes_would_be_noticed(old: str, new: str, noticed: str) -> None:
    assert old in KUBERNETES
    wrong = KUBERNETES.replace(old, new)
    found = [*faults(wrong), *faults_on_kubernetes(wrong)]
    assert any(noticed in fault for fault in found), found


@pytest.mark.parametrize(
    ("old", "new", "noticed"),
    [
        ('maxScale: "4"', 'maxScale: "400"', "all connections"),
        ("containerConcurrency: 80", "containerConcurrency: 800", "more requests"),
        ("internal-and-cloud-load-balancing", "all", "open to the internet"),
        ("timeoutSeconds: 4", "timeoutSeconds: 40", "waits for longer"),
        ("valueFrom: {secretKeyRef", "value: {secretKeyRef", "is not a secret"),
        (
            "value: projects/PROJECT/secrets/fanout-uns",
            "value: hunter2/fanout-uns",
            "is not a secret",
        ),
    ],
)
def test_what_is_wrong_on_cloud_run_would_be_noticed(old: str, new: str, noticed: str) -> None:
    assert old in CLOUD_RUN
    wrong = CLOUD_RUN.replace(old, new)
    found = [*faults(wrong), *faults_on_cloud_run(wrong)]
    assert any(noticed in fault for fault in found), found


@pytest.mark.parametrize("text", [KUBERNETES, CLOUD_RUN], ids=["kubernetes", "cloud-run"])
def test_the_command_is_understood(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    [container] = pod(text)["containers"]
    assert understands(container["args"], monkeypatch)
    assert not understands([*container["args"], "--unheard-of"], monkeypatch)


@pytest.mark.parametrize("text", [KUBERNETES, CLOUD_RUN], ids=["kubernetes", "cloud-run"])
def test_it_asks_for_every_graph_that_is_deployed_and_can_apply_replays(text: str) -> None:
    unit = SYSTEMD / "fanout-service.service"
    for arguments in (pod(text)["containers"][0]["args"], command(unit, environment(unit))):
        words = re.sub(r"(--(?:graph|topic|reaction-topic)) ", r"\1=", " ".join(arguments))
        asked = [word for word in words.split() if word.startswith("--graph")]
        assert asked == [f"--graph={graph}" for graph in DEPLOYED]
        assert {
            "--topic=projects/PROJECT/topics/domain-events",
            "--reaction-topic=projects/PROJECT/topics/reaction-events",
        } <= set(words.split())


def test_on_one_machine_it_has_the_secrets_of_mail() -> None:
    given = environment(SYSTEMD / "fanout-service.service")
    assert {name for name in OF_MAIL if is_secret_name(given[name])} == OF_MAIL


def test_the_image_has_the_service_and_serves_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    assert {"service", "requirements-service.txt"} <= set(copied(OF_SERVICE))
    [serves] = [each for each in instructions("CMD", OF_SERVICE) if "serve" in each]
    assert understands(yaml.safe_load(serves), monkeypatch)
    # Of the pipeline's own image nothing changes: it is the last stage, the default.
    assert instructions("CMD", OF_SERVICE)[-1] == '["--help"]'


def test_everything_but_the_probes_is_closed() -> None:
    assert open_paths() == {"/health", "/ready", "/ready/database"}
    assert CLOSED
