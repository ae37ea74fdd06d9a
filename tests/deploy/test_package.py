import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Final

import pytest

from pipeline import __version__
from tests.databases import Database

ROOT: Final = Path(__file__).resolve().parents[2]
SECONDS: Final = 100
SOURCES: Final = ("pipeline", "migrations", "pyproject.toml", "setup.py", "README.md")
NOT_INSTALLED: Final = ("local.stack", "tests.builders", "bench.measure", "tools.catalogue")

IMPORT_EVERYTHING: Final = """
import importlib, json, pkgutil, pipeline
names = [found.name for found in pkgutil.walk_packages(pipeline.__path__, "pipeline.")]
# Importing a package's __main__ as a module starts nothing.
print(json.dumps({name: importlib.import_module(name).__file__ for name in names}))
"""
IMPORT_NOT_INSTALLED: Final = f"""
import importlib, json
from importlib.metadata import files
found = sorted({{file.parts[0] for file in files("fanout")}})
for name in {NOT_INSTALLED!r}:
    try:
        importlib.import_module(name)
    except ModuleNotFoundError:
        continue
    found.append(name)
print(json.dumps(found))
"""
LOAD_EVERY_STATEMENT: Final = """
import hashlib, json, sys
from importlib.resources import files
from pathlib import Path
import pipeline
# Where pipeline.ops.migrate has it; that module itself needs a statement.
MIGRATIONS = Path(pipeline.__file__).parents[1] / "migrations"
digests = {}
for path in json.load(sys.stdin):
    folder, _, name = path.removesuffix(".sql").rpartition("/")
    try:
        if path.endswith(".jinja"):
            sql = files(folder.replace("/", ".")).joinpath(name).read_bytes()
        elif folder.startswith("migrations"):
            sql = (MIGRATIONS / path.removeprefix("migrations/")).read_bytes()
        else:
            package = folder.removesuffix("/sql").replace("/", ".")
            sql = files(package).joinpath("sql", f"{name}.sql").read_bytes()
    except (FileNotFoundError, ModuleNotFoundError):
        continue
    digests[path] = hashlib.sha256(sql).hexdigest()
print(json.dumps(digests))
"""


@dataclass(frozen=True, slots=True)
class Installation:
    """A virtual environment with our package and its dependencies, outside of the repository."""

    folder: Path

    def python(
        self, *arguments: str, sent: str = "", **environment: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self.folder / "bin/python"), *arguments],
            cwd=self.folder,
            env={"PATH": os.environ["PATH"], **environment},
            input=sent,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )

    def says(self, program: str, sent: str = "") -> object:
        """Return the JSON output of a program."""
        finished = self.python("-c", program, sent=sent)
        assert finished.returncode == 0, finished.stderr
        return json.loads(finished.stdout)

    def missing_statements(self) -> set[str]:
        """Return the SQL files and templates that the installed code can't load as they are."""
        expected = {
            path.relative_to(ROOT).as_posix(): sha256(path.read_bytes()).hexdigest()
            for folder in ("pipeline", "migrations")
            for end in ("sql", "jinja")
            for path in (ROOT / folder).rglob(f"*.{end}")
        }
        loaded = self.says(LOAD_EVERY_STATEMENT, sent=json.dumps(sorted(expected)))
        assert isinstance(loaded, dict)
        return {path for path, digest in expected.items() if loaded.get(path) != digest}


Install = Callable[[str, dict[str, str]], Installation]


@pytest.fixture(scope="module")
def install(tmp_path_factory: pytest.TempPathFactory) -> Install:
    """Installs the package from a source distribution, without a network."""

    def install(name: str, replacements: dict[str, str]) -> Installation:
        folder = tmp_path_factory.mktemp(name)
        archive = _source_distribution(folder, replacements)
        venv.create(folder / "venv", with_pip=False, symlinks=True)
        [packages] = (folder / "venv/lib").glob("python*/site-packages")
        (packages / "dependencies.pth").write_text(
            f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n", "utf-8"
        )
        _run(
            folder,
            *("-m", "pip", "--python", str(folder / "venv/bin/python"), "install", "--quiet"),
            *("--no-index", "--no-deps", "--no-build-isolation", "--disable-pip-version-check"),
            str(archive),
        )
        return Installation(folder / "venv")

    return install


@pytest.fixture(scope="module")
def installation(install: Install) -> Installation:
    return install("package", {})


def _source_distribution(folder: Path, replacements: dict[str, str]) -> Path:
    source = folder / "source"
    source.mkdir()
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(
                ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__")
            )
        else:
            shutil.copy(ROOT / name, source / name)
    description = (source / "pyproject.toml").read_text("utf-8")
    for old, new in replacements.items():
        assert old in description
        description = description.replace(old, new)
    (source / "pyproject.toml").write_text(description, "utf-8")
    _run(source, "-c", "from setuptools import build_meta; build_meta.build_sdist('../dist')")
    [archive] = (folder / "dist").glob("fanout-*.tar.gz")
    return archive


def _run(folder: Path, *arguments: str) -> None:
    finished = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr


def test_the_lock_lacks_nothing_that_a_package_in_it_needs() -> None:
    checked = subprocess.run(
        [sys.executable, "-m", "pip", "check"],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout


def test_every_module_of_the_package_can_be_imported_where_it_is_installed(
    installation: Installation,
) -> None:
    modules = installation.says(IMPORT_EVERYTHING)

    assert isinstance(modules, dict)
    files = {Path(file) for file in modules.values() if file}
    assert all(file.is_relative_to(installation.folder) for file in files)
    assert len(files) == len(list((ROOT / "pipeline").rglob("*.py"))) - 1  # pipeline itself


def test_what_is_not_for_workers_is_not_installed(installation: Installation) -> None:
    found = installation.says(IMPORT_NOT_INSTALLED)

    assert found == [f"fanout-{__version__}.dist-info", "migrations", "pipeline"]


def test_the_command_line_works_where_it_is_installed(installation: Installation) -> None:
    version = installation.python("-m", "pipeline", "--version")
    usage = installation.python("-m", "pipeline", "run", "--help")

    assert version.stdout == f"fanout {__version__}\n", version.stderr
    assert usage.returncode == 0, usage.stderr
    assert "--subscription" in usage.stdout


def test_every_statement_migration_and_template_is_loaded_by_the_installed_code(
    installation: Installation,
) -> None:
    assert installation.missing_statements() == set()


def test_a_package_without_its_statements_would_be_noticed(install: Install) -> None:
    bare = install("bare", {'"*.sql", "*.jinja", ': ""})

    assert {
        "migrations/0001_ledger.sql",
        "migrations/reference/0001_people.sql",
        "pipeline/sinks/sql/write_outcomes.sql",
        "pipeline/mail/templates/layout.html.jinja",
    } <= bare.missing_statements()


def test_the_installed_package_brings_an_empty_database_up_to_date(
    installation: Installation, empty_database: Database
) -> None:
    migrated = installation.python(
        *("-m", "pipeline", "migrate", "--reference-schema"),
        *("--family", "jobs", "--family", "mail", "--family", "activity"),
        *("--family", "reactions"),
        DATABASE_URL=empty_database.dsn,
    )

    assert migrated.returncode == 0, migrated.stderr
    with empty_database.connect() as connection:
        [(applied,)] = connection.execute("SELECT count(*) FROM fanout_migrations").fetchall()
    assert applied == len(list((ROOT / "migrations").rglob("*.sql")))
