"""``/health``: the process is alive. It asks nothing else, so it is open to everyone."""

from fastapi import APIRouter
from pydantic import BaseModel

from pipeline import __version__

router = APIRouter()


class Health(BaseModel):
    """The process answers."""

    status: str = "ok"
    version: str = __version__


@router.get(
    "/health", operation_id="get_health", tags=["open"], summary="Whether the process is alive"
)
async def health() -> Health:
    """Answer without looking at anything else; ``/ready`` looks at the database and the graphs.

    It takes no thread, so that it is answered while all threads are busy.
    """
    return Health()
