"""Versions of Python in; the demo and the fast tests on each of them that is here.

``make pythons`` gives all that are supported. The one that runs this is left out: its environment
has the whole suite. Each other one gets an environment of its own, which is removed again.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NoReturn

_ROOT: Final = Path(__file__).resolve().parents[1]
_OURS: Final = "{}.{}".format(*sys.version_info)
_TARGETS: Final = ("demo", "test-fast")


def main(versions: list[str]) -> int:
    """Run the targets on each version; gives the first exit status that is not zero."""
    signal.signal(signal.SIGTERM, _interrupt)
    for version in versions:
        if version == _OURS:
            continue
        python = _found(version)
        if python is None:
            _say(f"Python {version} is not here: its tests are left out")
        elif status := _run(python):
            _say(f"Python {version} failed")
            return status
        else:
            _say(f"Python {version} passed")
    return 0


def _found(version: str) -> str | None:
    """The first program of this version that can make an environment."""
    return next((each for each in _candidates(version) if _can_make_an_environment(each)), None)


def _candidates(version: str) -> Iterator[str]:
    if on_path := shutil.which(f"python{version}"):
        yield on_path
    # pyenv has a shim of every version on the path, which runs those only that someone chose.
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    for program in pyenv.glob(f"versions/{version}.*/bin/python{version}"):
        yield str(program)


def _can_make_an_environment(python: str) -> bool:
    check = [python, "-c", "import ensurepip, venv"]
    return subprocess.run(check, stderr=subprocess.DEVNULL, check=False).returncode == 0


def _run(python: str) -> int:
    # What the make that started us was told is not for this one.
    environment = {name: value for name, value in os.environ.items() if "MAKE" not in name}
    environment.pop("MFLAGS", None)
    with tempfile.TemporaryDirectory(prefix="fanout-python-") as folder:
        command = ["make", *_TARGETS, f"PYTHON={python}", f"VENV={folder}/venv"]
        return subprocess.run(command, cwd=_ROOT, env=environment, check=False).returncode


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
