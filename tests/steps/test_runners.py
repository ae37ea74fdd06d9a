"""The secret of the calendars' client: on Dataflow only its name is known until the job runs."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.domain.errors import ConfigurationError
from pipeline.jobs.job import Counts, Input, Page
from pipeline.jobs.renew_calendar_watches import RENEW_CALENDAR_WATCHES
from pipeline.settings import DatabaseSettings
from pipeline.steps.runners import pages_of, runners_with
from tests.clients.secret_manager import SecretManager, stand_in
from tests.databases import Database
from tests.jobs.calendars import NOW, SECOND, SECRET, Calendars, calendars_in


@pytest.fixture
def calendars(database: Database) -> Iterator[Calendars]:
    with calendars_in(database) as calendars:
        yield calendars


@pytest.fixture
def secrets(tmp_path: Path) -> Iterator[SecretManager]:
    with stand_in(tmp_path) as made:
        yield made


def renew(calendars: Calendars, secret: str) -> list[Page]:
    """Renew with settings that hold no secret, only its name."""
    runners = runners_with(replace(calendars.settings, client_secret=""), secret=secret)
    settings = DatabaseSettings(dsn=calendars.database.jobs_dsn)
    return list(pages_of(settings, RENEW_CALENDAR_WATCHES, Input(now=NOW), runners))


def test_a_secret_that_is_only_named_is_read_when_the_job_runs(
    calendars: Calendars, secrets: SecretManager
) -> None:
    # The access token has expired, so Google asks for the secret of the client.
    calendars.connect(token_expires_at=NOW - SECOND)
    pages = renew(calendars, secrets.add(f"{SECRET}\n".encode()))
    assert sum((page.counts for page in pages), Counts()).emitted == 1
    assert len(secrets.asked) == 1


def test_without_a_name_the_job_says_what_is_missing(calendars: Calendars) -> None:
    calendars.connect()
    with pytest.raises(ConfigurationError, match="not set: GOOGLE_CLIENT_SECRET"):
        renew(calendars, "")
