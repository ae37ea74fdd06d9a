"""Payloads: shown only to who may operate, and read with the operator's login only."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Query

from pipeline.settings import DatabaseSettings
from service.answers.values import Asked
from service.databases import Operator, Viewer
from service.identity.caller import Caller, Scope
from service.identity.needs import needs, require


class PayloadQuery(Asked):
    """Whether to show what may be personal data."""

    payload: Annotated[
        bool, Query(description="also show the payload; this needs the scope operate")
    ] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PayloadAccess:
    """What a caller may see.

    Attributes:
        database: with the login that may read it.
        payload: whether it is the payload, too.
    """

    database: DatabaseSettings
    payload: bool


async def _access(
    viewer: Viewer,
    operator: Operator,
    caller: Annotated[Caller, needs(Scope.READ)],
    shown: Annotated[PayloadQuery, Query()],
) -> PayloadAccess:
    if shown.payload:
        require(caller, Scope.OPERATE)
    return PayloadAccess(database=operator if shown.payload else viewer, payload=shown.payload)


# For an endpoint that shows a payload only to who may operate and asks for it.
WithPayload = Annotated[PayloadAccess, Depends(_access)]
