"""``/openapi.json``: the description of every route."""

from typing import Any

from fastapi import APIRouter, Request

router = APIRouter()


@router.get("/openapi.json", include_in_schema=False)
def description(request: Request) -> dict[str, Any]:
    """Return the description, for programs that make a client of it."""
    described: dict[str, Any] = request.app.openapi()
    return described
