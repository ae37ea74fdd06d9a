"""Lists endpoints, and how their deliveries stand."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID

from pipeline.clients.postgres.sql import load
from pipeline.domain.delivery import WEBHOOK_SWITCH
from pipeline.ops.webhooks.called import no_endpoint, run
from pipeline.settings import DatabaseSettings

_ENDPOINTS: Final = load(__package__, "endpoints")


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretInUse:
    """What is known of a secret. The secret itself is not.

    Attributes:
        name: in Secret Manager; None: it is stored encrypted.
        retires_at: until when it is used beside a newer one; None: it is the newest.
    """

    name: str | None
    created_at: datetime
    retires_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """An endpoint, and its deliveries of the last 24 hours.

    Attributes:
        state: ``works``, ``waits`` (its breaker is open), ``paused`` (by a person) or ``disabled``.
        reason: of that state; None: it works.
        origin: of its address. The whole may hold a token, so that only ``show`` tells it.
        url: the whole address.
        worked_at: when it last took a webhook; None: never.
        waiting: how many deliveries wait to be sent.
        paused: how many are held back until it works again.
        done: how many it took.
        dead: how many it refused, or could not take in any try.
    """

    id: UUID
    name: str
    state: str
    reason: str | None
    origin: str
    url: str = field(repr=False)
    event_types: list[str]
    with_payload: bool
    created_at: datetime
    created_by: str
    worked_at: datetime | None
    disabled_at: datetime | None
    secrets: list[SecretInUse]
    waiting: int
    paused: int
    done: int
    dead: int


def list_endpoints(settings: DatabaseSettings) -> list[Endpoint]:
    """Return every endpoint, by name.

    Raises:
        ConfigurationError: the database has no webhooks, or the login is not an operator's.
    """
    return _read(settings, None)


def find_endpoint(settings: DatabaseSettings, name: str) -> Endpoint:
    """Return one endpoint.

    Raises:
        NotFound: none has this name.
    """
    for each in _read(settings, name):
        return each
    raise no_endpoint(name)


def _read(settings: DatabaseSettings, name: str | None) -> list[Endpoint]:
    found = []
    for row in run(settings, _ENDPOINTS, {"name": name, "prefix": WEBHOOK_SWITCH}):
        url = urlsplit(row.url)
        state, reason = _state(row.disabled_reason, row.switch, row.switch_reason)
        found.append(
            Endpoint(
                id=row.id,
                name=row.name,
                state=state,
                reason=reason,
                origin=f"{url.scheme}://{url.netloc}",
                url=row.url,
                event_types=row.event_types,
                with_payload=row.with_payload,
                created_at=row.created_at,
                created_by=row.created_by,
                worked_at=row.worked_at,
                disabled_at=row.disabled_at,
                secrets=[
                    SecretInUse(
                        name=each["name"],
                        created_at=datetime.fromisoformat(each["created_at"]),
                        retires_at=each["retires_at"]
                        and datetime.fromisoformat(each["retires_at"]),
                    )
                    for each in row.secrets
                ],
                waiting=row.waiting or 0,
                paused=row.paused or 0,
                done=row.done or 0,
                dead=row.dead or 0,
            )
        )
    return found


def _state(
    disabled: str | None, switch: str | None, switch_reason: str | None
) -> tuple[str, str | None]:
    if disabled is not None:
        return "disabled", disabled
    if switch is None:
        return "works", None
    return ("waits" if switch == "open" else "paused"), switch_reason
