"""Every place lists the same supported Pythons, and the installed ones are tested."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
PROJECT: Final = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
MAKEFILE: Final = (ROOT / "Makefile").read_text("utf-8")
THIS: Final = "{}.{}".format(*sys.version_info)

# Replaces the real make, and records its arguments.
MAKE: Final = """#!/bin/sh
echo "$@" >> {noted}
exit {status}
"""
RUNS: Final = "#!/bin/sh\nexit 0\n"
SHIM_OF_NOTHING: Final = "#!/bin/sh\nexit 127\n"


def supported() -> list[str]:
    [listed] = re.findall(r"^PYTHONS := (.+)$", MAKEFILE, re.M)
    return sorted(listed.split())


def program(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, "utf-8")
    path.chmod(0o755)


def pythons(folder: Path, *versions: str, status: int = 0) -> tuple[int, list[str], list[str]]:
    """Test these versions with the folder's programs; return status, output and make's calls."""
    noted = folder / "noted"
    program(folder / "bin/make", MAKE.format(noted=noted, status=status))
    done = subprocess.run(
        [sys.executable, "-m", "tools.pythons", *versions],
        cwd=ROOT,
        env=os.environ | {"PATH": f"{folder}/bin", "PYENV_ROOT": f"{folder}/pyenv"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    made = noted.read_text("utf-8").splitlines() if noted.exists() else []
    return done.returncode, done.stderr.splitlines(), made


def test_the_same_versions_are_supported_wherever_they_are_named() -> None:
    versions = supported()
    first, last = versions[0], versions[-1]
    above = f"3.{int(last.partition('.')[2]) + 1}"

    assert PROJECT["requires-python"] == f">={first},<{above}"
    classified = [each.rpartition(" ")[2] for each in PROJECT["classifiers"] if "Python ::" in each]
    assert classified == versions
    assert f"Python {', '.join(versions[:-1])} or {last} is needed" in MAKEFILE
    assert (
        f"Python {', '.join(versions[:-1])} or {last} and make" in (ROOT / "README.md").read_text()
    )
    assert f"--python-version {first} " in MAKEFILE


def test_every_other_version_that_is_here_is_tried_in_a_folder_that_is_removed(
    tmp_path: Path,
) -> None:
    program(tmp_path / "bin/python3.98", RUNS)

    status, said, made = pythons(tmp_path, THIS, "3.98")

    assert (status, said) == (0, ["Python 3.98 passed"])
    [asked] = made
    python = tmp_path / "bin/python3.98"
    folder = re.fullmatch(rf"demo test-fast PYTHON={python} VENV=(\S+)/venv", asked)
    assert folder
    assert not Path(folder[1]).exists()


def test_a_version_that_is_not_here_is_said_and_left_out(tmp_path: Path) -> None:
    program(tmp_path / "bin/python3.98", SHIM_OF_NOTHING)

    status, said, made = pythons(tmp_path, "3.97", "3.98")

    assert (status, made) == (0, [])
    assert said == [
        "Python 3.97 is not installed: its tests are left out",
        "Python 3.98 is not installed: its tests are left out",
    ]


def test_a_version_of_pyenv_is_found_behind_its_shim(tmp_path: Path) -> None:
    program(tmp_path / "bin/python3.98", SHIM_OF_NOTHING)
    behind = tmp_path / "pyenv/versions/3.98.1/bin/python3.98"
    program(behind, RUNS)

    status, said, made = pythons(tmp_path, "3.98")

    assert (status, said) == (0, ["Python 3.98 passed"])
    assert f"PYTHON={behind} " in made[0]


def test_a_version_that_fails_ends_the_run(tmp_path: Path) -> None:
    program(tmp_path / "bin/python3.97", RUNS)
    program(tmp_path / "bin/python3.98", RUNS)

    status, said, made = pythons(tmp_path, "3.97", "3.98", status=2)

    assert (status, said) == (2, ["Python 3.97 failed"])
    assert len(made) == 1
