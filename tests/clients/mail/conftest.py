"""Both providers, each with its server on this machine, behind one interface for the tests."""

import ssl
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from local.loopback import DROPPED_AFTER, DROPPED_BEFORE
from local.resend import ResendServer
from pipeline.clients.mail.provider import MailProvider
from pipeline.clients.mail.resend import ResendClient
from pipeline.clients.mail.smtp import SmtpClient
from pipeline.settings.mail import ResendSettings, SmtpSettings
from tests.clients.mail.mails import NOW
from tests.clients.mail.smtp_server import PASSWORD, USER, MailServer
from tests.tls import NAME, Authority

KEY = "re_canary_key"
PATIENCE = timedelta(seconds=10)
# A machine that stands still for a moment must have sent the request by then.
IMPATIENCE = timedelta(seconds=1)


@dataclass(frozen=True, kw_only=True)
class Certificates:
    """``server``: as a server shows it; ``trust``: who trusts it."""

    server: ssl.SSLContext
    trust: ssl.SSLContext


@dataclass(frozen=True, kw_only=True)
class Given:
    """A provider and its server."""

    provider: MailProvider
    copies: Callable[[], Counter[str]]
    connections: Callable[[], int]
    refused: str
    drop_before: Callable[[], None]
    drop_after: Callable[[], None]
    fail_login: Callable[[], MailProvider]
    impatient: Callable[[], MailProvider]
    nowhere: Callable[[], MailProvider]
    deduplicates: bool


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    folder: Path = tmp_path_factory.mktemp("certificates")
    authority = Authority("mail")
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(authority.write_server(folder))
    trust = ssl.create_default_context(cafile=str(authority.write(folder)))
    return Certificates(server=server, trust=trust)


@pytest.fixture
def resend() -> Iterator[ResendServer]:
    with ResendServer(clock=lambda: NOW).serving() as server:
        server.api_keys.add(KEY)
        yield server


@pytest.fixture
def resend_settings(resend: ResendServer) -> ResendSettings:
    return ResendSettings(api_key=KEY, base_url=resend.base_url, timeout=PATIENCE)


@pytest.fixture
def client(resend_settings: ResendSettings) -> Iterator[ResendClient]:
    with ResendClient(resend_settings, clock=lambda: NOW) as client:
        yield client


@pytest.fixture
def mail_server(certificates: Certificates) -> Iterator[MailServer]:
    with MailServer().serving(starttls=certificates.server, login=True) as server:
        yield server


def smtp_url(server: MailServer, *, password: str = PASSWORD, host: str = NAME) -> str:
    quoted = password.replace("@", "%40").replace(":", "%3A")
    return f"smtp://{USER}:{quoted}@{host}:{server.port}"


@pytest.fixture
def smtp(mail_server: MailServer, certificates: Certificates) -> Iterator[SmtpClient]:
    settings = SmtpSettings(url=smtp_url(mail_server), timeout=PATIENCE)
    with SmtpClient(settings, trust=certificates.trust) as client:
        yield client


def of_resend(server: ResendServer, client: ResendClient) -> Given:
    def changed(**values: object) -> ResendClient:
        fields = {"api_key": KEY, "base_url": server.base_url, "timeout": PATIENCE, **values}
        return ResendClient(ResendSettings(**fields))  # type: ignore[arg-type]

    def impatient() -> MailProvider:
        server.hold()
        return changed(timeout=IMPATIENCE)

    return Given(
        provider=client,
        copies=server.copies,
        connections=lambda: server.connections,
        refused="canary@example.com",
        drop_before=lambda: server.fail_next(DROPPED_BEFORE),
        drop_after=lambda: server.fail_next(DROPPED_AFTER),
        fail_login=lambda: changed(api_key="re_canary_wrong"),
        impatient=impatient,
        nowhere=lambda: changed(base_url="http://127.0.0.1:1"),
        deduplicates=True,
    )


def of_smtp(server: MailServer, client: SmtpClient, certificates: Certificates) -> Given:
    def changed(url: str, timeout: timedelta = PATIENCE) -> SmtpClient:
        return SmtpClient(SmtpSettings(url=url, timeout=timeout), trust=certificates.trust)

    def drop_after() -> None:
        server.accepts_all_the_same = True
        server.replies["DATA"].append(None)

    def impatient() -> MailProvider:
        server.silent = True
        return changed(smtp_url(server), IMPATIENCE)

    refused = "canary@example.com"
    server.refused.add(refused)
    return Given(
        provider=client,
        copies=server.copies,
        connections=lambda: server.connections,
        refused=refused,
        drop_before=lambda: server.replies["MAIL"].append(None),
        drop_after=drop_after,
        fail_login=lambda: changed(smtp_url(server, password="canary-wrong")),  # noqa: S106
        impatient=impatient,
        nowhere=lambda: changed("smtp://127.0.0.1:1"),
        deduplicates=False,
    )


@pytest.fixture(params=["resend", "smtp"])
def given(request: pytest.FixtureRequest) -> Given:
    value = request.getfixturevalue
    if request.param == "resend":
        return of_resend(value("resend"), value("client"))
    return of_smtp(value("mail_server"), value("smtp"), value("certificates"))
