"""``make setup`` in a separate folder: the result of a success and of a failure."""

import hashlib
import importlib.metadata
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from zipfile import ZipFile, ZipInfo

import pytest

ROOT = Path(__file__).resolve().parents[2]
NOBODY_LISTENS = "http://127.0.0.1:1/simple"
MAKE = ("make", "setup", f"PYTHON={sys.executable}")
GREETING = {
    "greeting.py": "def main():\n    print('hello')\n",
    "greeting-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: greeting\nVersion: 1.0\n",
    "greeting-1.0.dist-info/WHEEL": (
        "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    ),
    "greeting-1.0.dist-info/entry_points.txt": "[console_scripts]\ngreeting = greeting:main\n",
}


def write_wheel(path: Path, files: dict[str, bytes | str]) -> str:
    """Write a wheel; return its line of a lock."""
    name, version = path.name.split("-")[:2]
    record = f"{name}-{version}.dist-info/RECORD"
    files = files | {record: "".join(f"{each},,\n" for each in (*files, record))}
    with ZipFile(path, "w") as wheel:
        for file, content in files.items():
            entry = ZipInfo(file)
            entry.external_attr = 0o100755 << 16
            wheel.writestr(entry, content)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return f"{name}=={version} \\\n    --hash=sha256:{digest}\n"


def uv_again(folder: Path) -> str:
    """Pack the installed uv into a wheel; return its line of a lock."""
    uv = importlib.metadata.distribution("uv")
    files: dict[str, bytes | str] = {}
    for file in uv.files or ():
        path = Path(str(uv.locate_file(file)))
        if file.parts[0] == "..":
            files[f"uv-{uv.version}.data/scripts/{file.name}"] = path.read_bytes()
        elif file.name != "RECORD" and "__pycache__" not in file.parts:
            files[str(file)] = path.read_bytes()
    return write_wheel(folder / f"uv-{uv.version}-py3-none-any.whl", files)


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A folder with two wheels, and the lock that names them."""
    folder = tmp_path_factory.mktemp("wheels")
    greeting: dict[str, bytes | str] = dict(GREETING)
    lock = write_wheel(folder / "greeting-1.0-py3-none-any.whl", greeting)
    return folder, lock + uv_again(folder)


@pytest.fixture
def clone(tmp_path: Path, wheels: tuple[Path, str]) -> Iterator[Path]:
    """The files that a set-up reads, with a lock of two packages."""
    folder = tmp_path / "clone"
    for path in ("Makefile", "deploy/deploy.mk", "tools/environment.py"):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / path, folder / path)
    (folder / "requirements-dev.txt").write_text(wheels[1], "utf-8")
    yield folder
    shutil.rmtree(folder)


def setup(
    clone: Path, *arguments: str, command: Sequence[str] = MAKE, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run make setup, or another command, without other settings of pip or uv."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PIP_", "UV_", "MAKE", "MFLAGS"))
    }
    ours = {"PIP_CONFIG_FILE": os.devnull, "PIP_RETRIES": "1", "UV_NO_CONFIG": "1"}
    return subprocess.run(
        [*command, *arguments],
        cwd=clone,
        env=inherited | ours | {"UV_CACHE_DIR": str(clone / "cache")} | variables,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def offline(wheels: tuple[Path, str]) -> dict[str, str]:
    return {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels[0])}


def with_old_environment(clone: Path, name: str = ".venv") -> Path:
    """Make a working environment of an older lock."""
    old = clone / name
    (old / "bin").mkdir(parents=True)
    program = old / "bin/greeting"
    program.write_text("#!/bin/sh\necho old\n", "utf-8")
    program.chmod(0o755)
    (old / ".complete").touch()
    os.utime(old / ".complete", (0, 0))
    return clone / ".venv/bin/greeting"


def said_by(program: Path) -> str:
    return subprocess.run([program], capture_output=True, text=True, check=True).stdout


def folders(clone: Path) -> set[str]:
    return {path.name for path in clone.glob(".venv*")}


def test_a_setup_installs_the_lock_from_where_pip_would_and_replaces_what_was_there(
    clone: Path, wheels: tuple[Path, str]
) -> None:
    program = with_old_environment(clone)

    done = setup(clone, **offline(wheels))

    assert done.returncode == 0, done.stderr
    assert f"with Python {sys.version.split()[0]} ({sys.executable})" in done.stderr
    assert "Downloading and installing 2 packages" in done.stderr
    assert said_by(program) == "hello\n"
    assert folders(clone) == {".venv"}
    for path in (clone / ".venv/bin").iterdir():
        assert b".venv.new" not in (b"" if path.is_symlink() else path.read_bytes()), path
    again = setup(clone)
    assert (again.returncode, again.stderr) == (0, "")


def test_what_is_needed_to_run_can_be_had_alone_and_is_not_taken_for_everything(
    clone: Path, wheels: tuple[Path, str]
) -> None:
    (clone / "less.txt").write_text(wheels[1].partition("uv==")[0], "utf-8")
    command = (sys.executable, "tools/environment.py", "less.txt")

    done = setup(clone, command=command, **offline(wheels))

    assert done.returncode == 0, done.stderr
    assert "installing 1 packages" in done.stderr
    assert said_by(clone / ".venv/bin/greeting") == "hello\n"
    assert not (clone / ".venv/.complete").exists()
    missing = setup(clone, command=(*command[:2], "more.txt"))
    assert missing.stderr.startswith(f"There is no {clone / 'more.txt'}")


def test_an_environment_can_stand_elsewhere_and_leaves_the_usual_one_alone(
    clone: Path, wheels: tuple[Path, str], tmp_path: Path
) -> None:
    usual = with_old_environment(clone)

    done = setup(clone, f"VENV={tmp_path}/other", **offline(wheels))

    assert done.returncode == 0, done.stderr
    assert f"Set up {tmp_path}/other in" in done.stderr
    assert said_by(tmp_path / "other/bin/greeting") == "hello\n"
    assert said_by(usual) == "old\n"
    assert folders(clone) == {".venv"}


def test_an_index_that_does_not_answer_is_one_line_and_leaves_what_works(clone: Path) -> None:
    # What a set-up that was killed set aside is put back, and is what works.
    program = with_old_environment(clone, ".venv.old")
    (clone / ".venv.new").mkdir()

    failed = setup(clone, PIP_INDEX_URL=NOBODY_LISTENS)

    assert failed.returncode != 0
    assert failed.stderr.count("trying again") == 1
    assert "Retrying" not in failed.stderr
    assert "Installing uv failed:\n" in failed.stderr
    assert "The old .venv is unchanged." in failed.stderr
    assert "Traceback" not in failed.stderr
    assert said_by(program) == "old\n"
    assert folders(clone) == {".venv"}


def test_a_package_that_is_not_the_locked_one_leaves_what_works(
    clone: Path, wheels: tuple[Path, str]
) -> None:
    program = with_old_environment(clone)
    lock = clone / "requirements-dev.txt"
    first, _, rest = lock.read_text("utf-8").partition("sha256:")
    lock.write_text(f"{first}sha256:{'0' * 64}{rest[64:]}", "utf-8")

    failed = setup(clone, **offline(wheels))

    assert failed.returncode != 0
    assert "installing 2 packages failed:\n" in failed.stderr
    assert "ash mismatch" in failed.stderr
    assert said_by(program) == "old\n"
    assert folders(clone) == {".venv"}


def test_a_first_setup_that_fails_does_not_speak_of_an_old_one(clone: Path) -> None:
    failed = setup(clone, PIP_INDEX_URL=NOBODY_LISTENS)

    assert failed.returncode != 0
    assert "is unchanged" not in failed.stderr
    assert folders(clone) == set()


def test_another_python_is_named_with_its_version(clone: Path, tmp_path: Path) -> None:
    other = tmp_path / "python"
    other.write_text(
        f'#!/bin/sh\nexec {sys.executable} -c "import sys; sys.version_info = (3, 9, 18);'
        ' exec(sys.argv[1])" "$2"\n',
        "utf-8",
    )
    other.chmod(0o755)

    failed = setup(clone, f"PYTHON={other}")

    assert failed.returncode != 0
    assert failed.stderr.startswith("Python 3.11, 3.12 or 3.13 is needed and 3.9 was found (")


def test_no_python_at_all_is_one_line(clone: Path) -> None:
    failed = setup(clone, "PYTHON=")

    assert failed.returncode != 0
    assert failed.stderr.startswith(
        "Python 3.11, 3.12 or 3.13 is needed and no Python was found: install one"
    )
