"""``/v1/me``: who the service takes the caller for."""

from typing import Annotated, Final

from fastapi import APIRouter
from pydantic import BaseModel

from service.answers.described import answers
from service.identity.caller import Caller, Means, Scope
from service.identity.needs import needs

router = APIRouter(prefix="/v1", tags=["caller"])

ME: Final = {"name": "nightly", "means": "token", "scopes": ["operate", "read"]}


class Me(BaseModel):
    """The caller.

    Attributes:
        name: the name of a token, or the address of a person.
        means: how they were recognised.
        scopes: what they may do.
    """

    name: str
    means: Means
    scopes: list[Scope]


@router.get(
    "/me", operation_id="get_me", summary="Who I am here, and what I may do", responses=answers(ME)
)
async def me(caller: Annotated[Caller, needs(Scope.READ)]) -> Me:
    """Answer from the token or login that the request was sent with."""
    return Me(name=caller.name, means=caller.means, scopes=sorted(caller.scopes))
