import json
import re
import shlex
import shutil
import subprocess
import sys
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Final

import pytest

ROOT: Final = Path(__file__).resolve().parents[2]
DOCKERFILE: Final = ROOT / "deploy/Dockerfile"
# Its context is the same.
OF_SERVICE: Final = ROOT / "deploy/kubernetes/Dockerfile"
SECONDS: Final = 60
ALLOWED: Final = {
    "README.md",
    "deploy/launch.py",
    "pyproject.toml",
    "requirements-dev.txt",
    "requirements-service.txt",
    "requirements.txt",
    "setup.py",
}
# Files that are not in the repository: every .dockerignore has to leave them out.
UNREAD: Final = {".git", ".venv", ".local", ".mypy_cache", ".ruff_cache", ".pytest_cache"}


def instructions(name: str, dockerfile: Path = DOCKERFILE) -> list[str]:
    """Return the arguments of each instruction of that name, with continued lines joined."""
    lines = dockerfile.read_text("utf-8").splitlines()
    text = "\n".join(line for line in lines if not line.startswith("#")).replace("\\\n", " ")
    return [" ".join(line.split()[1:]) for line in text.splitlines() if line.startswith(f"{name} ")]


def bases() -> dict[str, str]:
    """Return the default of each build argument. All of them are images."""
    return dict(argument.split("=", 1) for argument in instructions("ARG"))


def copied(dockerfile: Path = DOCKERFILE) -> list[str]:
    """Return the paths that are copied from the build context."""
    arguments = [shlex.split(each) for each in instructions("COPY", dockerfile)]
    return [path for each in arguments if not each[0].startswith("--") for path in each[:-1]]


def is_sent(path: str, patterns: list[str]) -> bool:
    """Return whether Docker sends a file: the last matching pattern decides."""
    sent = True
    parts = PurePosixPath(path).parts
    above = ["/".join(parts[: length + 1]) for length in range(len(parts))]
    for pattern in patterns:
        wanted = pattern.removeprefix("!")
        if any(_fits(each, wanted) for each in above):
            sent = pattern.startswith("!")
    return sent


def _fits(path: str, pattern: str) -> bool:
    if pattern.startswith("**/"):
        return fnmatchcase(PurePosixPath(path).name, pattern.removeprefix("**/"))
    return path.count("/") == pattern.count("/") and fnmatchcase(path, pattern)


def sent_files(patterns: list[str]) -> set[str]:
    """Return the files of the repository that would be in the build context."""
    tops = [path for path in ROOT.iterdir() if path.name not in UNREAD]
    below = (file for top in tops if top.is_dir() for file in top.rglob("*"))
    files = (path.relative_to(ROOT).as_posix() for path in [*tops, *below] if path.is_file())
    return {path for path in files if is_sent(path, patterns)}


def ignored() -> list[str]:
    lines = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def beside_the_package(files: set[str]) -> set[str]:
    packages = ("pipeline/", "migrations/", "service/")
    return {path for path in files if not path.startswith(packages)}


def hadolint(dockerfile: Path) -> subprocess.CompletedProcess[str]:
    beside_python = str(Path(sys.executable).parent)
    program = shutil.which("hadolint", path=beside_python)
    assert program, "hadolint is not in the virtual environment: make setup"
    return subprocess.run(
        [program, "--format=json", str(dockerfile)],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def test_the_linter_finds_nothing() -> None:
    linted = hadolint(DOCKERFILE)

    assert (linted.returncode, json.loads(linted.stdout)) == (0, [])


def test_the_linter_would_find_something(tmp_path: Path) -> None:
    careless = tmp_path / "Dockerfile"
    careless.write_text("FROM python:latest\nRUN pip install requests\n", "utf-8")

    linted = hadolint(careless)

    assert linted.returncode != 0
    assert {"DL3007", "DL3013"} <= {found["code"] for found in json.loads(linted.stdout)}


def test_the_boot_binary_comes_from_the_beam_that_is_locked() -> None:
    locked = re.search(r"^apache-beam==(\S+)", (ROOT / "requirements.txt").read_text(), re.M)

    assert locked
    assert bases()["BEAM_IMAGE"].endswith(f":{locked[1]}")


def test_launcher_worker_and_base_have_the_same_python() -> None:
    images = bases()

    assert images["PYTHON_IMAGE"].startswith("python:3.11.")
    assert "/beam_python3.11_sdk:" in images["BEAM_IMAGE"]
    assert "/python311-template-launcher-base:" in images["LAUNCHER_IMAGE"]


def test_every_base_is_one_release_and_can_be_replaced_by_its_digest() -> None:
    images = bases()
    used = {each.split()[0] for each in instructions("FROM")}

    assert used == {f"${{{argument}}}" for argument in images}
    for image in images.values():
        tag = image.partition("@")[0].rpartition(":")[2]
        assert re.search(r"\d+\.\d+\.\d+|\d{8}_RC\d\d", tag), image


def test_the_launcher_is_pinned_by_its_content() -> None:
    assert re.search(r"@sha256:[0-9a-f]{64}$", bases()["LAUNCHER_IMAGE"])


def test_everything_copied_exists_and_is_sent_to_the_builder() -> None:
    patterns = ignored()

    for path in copied() + copied(OF_SERVICE):
        assert (ROOT / path).exists(), path
        assert is_sent(path, patterns), path


def test_only_the_package_and_what_builds_it_is_sent_to_the_builder() -> None:
    files = sent_files(ignored())

    assert beside_the_package(files) == ALLOWED
    needed = copied() + copied(OF_SERVICE)
    assert beside_the_package(files) == {path for path in needed if (ROOT / path).is_file()}
    assert not [path for path in files if "__pycache__" in path]
    assert "migrations/0001_ledger.sql" in files
    assert "pipeline/__main__.py" in files
    assert "service/app.py" in files
    # Workers of Dataflow do not get it.
    assert "service" not in copied()


def test_a_build_context_with_the_tests_in_it_would_be_noticed() -> None:
    files = sent_files([pattern for pattern in ignored() if pattern != "*"])

    assert "tests/deploy/test_image.py" in beside_the_package(files) - ALLOWED


def test_what_builds_the_wheels_is_locked_with_its_hashes() -> None:
    extraction = re.search(r"sed -n ('[^']+') requirements-dev\.txt", " ".join(instructions("RUN")))
    assert extraction

    found = subprocess.run(
        ["sed", "-n", *shlex.split(extraction[1]), "requirements-dev.txt"],  # noqa: S607
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=True,
    )

    locked = re.findall(r"^(\S+)==\S+ \\\n +--hash=sha256:[0-9a-f]{64}", found.stdout, re.M)
    assert locked == ["setuptools", "uv"]
    assert found.stdout.count("==") == len(locked)


def test_no_installation_trusts_what_is_not_locked() -> None:
    for command in re.split(r"&&", " && ".join(instructions("RUN"))):
        if re.match(r"(--mount=\S+ +)*(uv )?pip (install|wheel)", command.strip()):
            assert "--require-hashes" in command or "--no-index" in command, command
            # pip then chooses no package outside of the lock; pip check reports a missing one.
            assert "--no-deps" in command, command


def test_the_workers_find_everything_compiled() -> None:
    [installed] = re.findall(r"uv pip install [^&]+", " ".join(instructions("RUN")))

    assert "--compile-bytecode" in installed


def test_the_launcher_finds_the_program_it_is_to_start() -> None:
    [started] = re.findall(r"FLEX_TEMPLATE_PYTHON_PY_FILE=(\S+)", " ".join(instructions("ENV")))
    folder = instructions("WORKDIR")[-1]

    assert started == f"{folder}/launch.py"
    assert "deploy/launch.py ./" in instructions("COPY")
    assert instructions("ENTRYPOINT") == ['["/opt/apache/beam/boot"]']


@pytest.mark.parametrize("arguments", [["--help"], ["--subscription=projects/p/subscriptions/s"]])
def test_the_program_runs_the_stream_with_the_arguments_it_is_given(
    arguments: list[str], tmp_path: Path
) -> None:
    started = subprocess.run(
        [sys.executable, str(ROOT / "deploy/launch.py"), *arguments],
        cwd=tmp_path,
        env={"PATH": "", "PYTHONPATH": str(ROOT), "LOG_LEVEL": "SHOUTING"},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )

    if "--help" in arguments:
        assert started.returncode == 0
        assert started.stdout.startswith("usage: python -m pipeline run ")
    else:
        assert started.returncode == 1
        assert "pipeline run: invalid LOG_LEVEL 'SHOUTING'" in started.stderr
