"""Makes the virtual environment ``.venv`` from a lock file; needs only Python.

By default it installs everything; ``environment.py requirements.txt`` installs only what running
needs. A second argument names another folder than ``.venv``.

The new environment is built next to the old one and replaces it when complete. After a failed
installation, an interrupt or a kill, the old environment still works.
"""

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Final, NoReturn

ROOT: Final = Path(__file__).resolve().parents[1]
LOCK: Final = ROOT / "requirements-dev.txt"
_GIVEN: Final = dict(enumerate(sys.argv))
WANTED: Final = ROOT / _GIVEN.get(1, LOCK.name)
SHOWN: Final = _GIVEN.get(2, ".venv")
FINAL: Final = ROOT / SHOWN
NEW: Final = FINAL.with_name(f"{FINAL.name}.new")
OLD: Final = FINAL.with_name(f"{FINAL.name}.old")
COMPLETE: Final = ".complete"

_INTERRUPTED: Final = 130
_VERSION: Final = "{}.{}".format(*sys.version_info)
# uv reads none of pip's settings. Without these variables it would ignore pip's mirror.
_SETTINGS: Final = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "no-index": "UV_NO_INDEX",
    "cert": "SSL_CERT_FILE",
}


class SetupFailed(Exception):
    """The environment could not be made; the text states the reason."""


def main() -> int:
    """Make the environment; return the exit status."""
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        _check_python()
        with _alone():
            _restore()
            started = time.monotonic()
            _build(NEW)
            _swap()
            _say(f"Set up {SHOWN} in {time.monotonic() - started:.0f} s")
    except (SetupFailed, OSError, KeyboardInterrupt) as error:
        interrupted = isinstance(error, KeyboardInterrupt)
        _say("Interrupted." if interrupted else str(error))
        if FINAL.exists():
            _say(f"The old {SHOWN} is unchanged.")
        return _INTERRUPTED if interrupted else 1
    return 0


def _check_python() -> None:
    if not WANTED.is_file():
        raise SetupFailed(f"There is no {WANTED}")
    found = f"Python {sys.version.split()[0]} ({sys.executable})"
    # Some distributions do not include venv.
    if not all(map(find_spec, ("venv", "ensurepip"))):
        raise SetupFailed(
            f"{found} has no venv: install it (Debian, Ubuntu: python{_VERSION}-venv),"
            " or name another Python with make PYTHON=..."
        )
    _say(f"Setting up {SHOWN} with {found}")


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    with LOCK.open() as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SetupFailed("Another set-up runs in this folder: wait for it") from None
        yield


def _restore() -> None:
    """Restore the old environment after a killed set-up."""
    if OLD.exists() and not FINAL.exists():
        OLD.rename(FINAL)
    for left in (NEW, OLD):
        _remove(left)


def _build(folder: Path) -> None:
    try:
        venv = ("-m", "venv", "--prompt", FINAL.name, str(folder))
        _run("Making an empty environment", sys.executable, *venv)
        python = str(folder / "bin/python")
        pip = (python, "-m", "pip", "--disable-pip-version-check")
        uv = folder / "uv.txt"
        uv.write_text(_lines_of("uv"), "utf-8")
        # The lock names every dependency. Older pips that resolve it all the same take the newest
        # release of a package with an extra, and fail: the lock does not have its hash.
        locked = ("--no-deps", "--require-hashes", "--requirement")
        _run("Installing uv", *pip, "install", "--quiet", *locked, str(uv))
        packages = WANTED.read_text("utf-8").count("==")
        _run(
            f"Downloading and installing {packages} packages",
            *(str(folder / "bin/uv"), "pip", "install", "--quiet", "--python", python),
            *(*locked, str(WANTED)),
            environment=_mirrors(pip),
        )
        uv.unlink()
        _correct_paths(folder)
        if WANTED == LOCK:
            # make wants the complete environment.
            (folder / COMPLETE).touch()
    except BaseException:
        _remove(folder)
        raise


def _lines_of(package: str) -> str:
    """Return the lines of the lock about one package."""
    lines = LOCK.read_text("utf-8").splitlines(keepends=True)
    first = next(index for index, line in enumerate(lines) if line.startswith(f"{package}=="))
    last = next(
        (index for index in range(first + 1, len(lines)) if not lines[index].startswith(" ")),
        len(lines),
    )
    return "".join(lines[first:last])


def _mirrors(pip: tuple[str, ...]) -> Mapping[str, str]:
    """Return pip's package indexes, as environment variables of uv."""
    listed = subprocess.run(
        [*pip, "config", "list"], stdout=subprocess.PIPE, text=True, check=False
    ).stdout
    found: dict[str, str] = {}
    for line in listed.splitlines():
        name, _, value = line.partition("=")
        variable = _SETTINGS.get(name.rpartition(".")[2])
        # The last value counts: pip lists environment variables after its files.
        if variable is not None:
            found[variable] = value.strip("'\"").replace("\\n", " ")
    if "UV_INDEX" in found:
        # The hashes decide what is installed, so any of the indexes may be used.
        found["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    return {name: value for name, value in found.items() if name not in os.environ}


def _correct_paths(folder: Path) -> None:
    """Correct the environment's path in its programs: the swap changes the path."""
    mine, final = str(folder).encode(), str(FINAL).encode()
    for path in (folder / "pyvenv.cfg", *(folder / "bin").iterdir()):
        if path.is_file() and not path.is_symlink():
            content = path.read_bytes()
            if mine in content and not content.startswith(b"\x7fELF"):
                path.write_bytes(content.replace(mine, final))


def _swap() -> None:
    if FINAL.exists() or FINAL.is_symlink():
        FINAL.rename(OLD)
    NEW.rename(FINAL)
    _remove(OLD)


def _remove(path: Path) -> None:
    if path.is_symlink():
        path.unlink()
    else:
        shutil.rmtree(path, ignore_errors=True)


def _run(doing: str, *command: str, environment: Mapping[str, str] | None = None) -> None:
    """Run a program, and show what it does while it runs.

    Raises:
        SetupFailed: the program failed; the text is its output.
    """
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, **(environment or {})},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    )
    said: list[str] = []
    assert process.stderr is not None  # noqa: S101 - it was asked for
    listener = threading.Thread(target=_listen, args=(process.stderr, said))
    listener.start()
    try:
        _wait(process, doing)
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()
        listener.join()
    if process.returncode != 0:
        raise SetupFailed(f"{doing} failed:\n" + "".join(said).rstrip())


def _listen(stderr: IO[str], said: list[str]) -> None:
    """Keep the output, but only one line for all retries."""
    warned = False
    for line in stderr:
        if "Retrying" not in line:
            said.append(line)
        elif not warned:
            warned = True
            _say("  The package index does not answer; trying again, up to a minute ...")


def _wait(process: "subprocess.Popen[str]", doing: str) -> None:
    on_terminal = sys.stderr.isatty()
    started = time.monotonic()
    if not on_terminal:
        _say(f"  {doing} ...")
    while True:
        try:
            process.wait(0.2)
        except subprocess.TimeoutExpired:
            if on_terminal:
                _write(f"\r  {doing} ... {time.monotonic() - started:.0f} s ")
        else:
            break
    if on_terminal:
        _write(f"\r  {doing} ... {time.monotonic() - started:.0f} s \n")


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def _say(line: str) -> None:
    _write(f"{line}\n")


def _write(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
