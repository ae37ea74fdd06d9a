"""Runs the demo and the fast tests on the given versions of Python that are installed.

``make pythons`` passes all supported versions. The Python that runs this is left out, because its
environment runs the whole suite. Every other version gets its own, temporary environment.
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
    """Run the targets on each version; return the first exit status that is not zero."""
    signal.signal(signal.SIGTERM, _interrupt)
    for version in versions:
        if version == _OURS:
            continue
        python = _found(version)
        if python is None:
            _say(f"Python {version} is not installed: its tests are left out")
        elif status := _run(python):
            _say(f"Python {version} failed")
            return status
        else:
            _say(f"Python {version} passed")
    return 0


def _found(version: str) -> str | None:
    """Return the first program of this version that can make an environment."""
    return next((each for each in _candidates(version) if _can_make_an_environment(each)), None)


def _candidates(version: str) -> Iterator[str]:
    if on_path := shutil.which(f"python{version}"):
        yield on_path
    # pyenv puts a shim of every version on the path. A shim runs only a version that someone chose.
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    for program in pyenv.glob(f"versions/{version}.*/bin/python{version}"):
        yield str(program)


def _can_make_an_environment(python: str) -> bool:
    check = [python, "-c", "import ensurepip, venv"]
    return subprocess.run(check, stderr=subprocess.DEVNULL, check=False).returncode == 0


def _run(python: str) -> int:
    # This make must not get the arguments of the make that started us.
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
