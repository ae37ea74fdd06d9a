"""Dependencies that keep a route closed: who calls, what they may do, and the audit row."""

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Depends, HTTPException, Request
from fastapi.dependencies.models import Dependant
from starlette.concurrency import run_in_threadpool

from service.databases import for_requests, settings_of
from service.identity.audit import SAFE, AuditEntry, audit_entry, begin_entry
from service.identity.caller import Caller, Scope


def caller_of(request: Request) -> Caller:
    """Return who sent a request. The door has recognised them, or it did not let them in."""
    caller = getattr(request.state, "caller", None)
    if not isinstance(caller, Caller):
        raise TypeError(f"{request.url.path} was reached past the door")
    return caller


async def guard(request: Request) -> None:
    """Let only who may read, or operate if something may change, and then begin its audit row.

    Every router that is not open depends on this.

    Raises:
        HTTPException: 403, the caller lacks the scope; 422, the path takes no parameters.
        TransientError: the audit row cannot be written, so nothing is done.
    """
    caller = caller_of(request)
    # Before anything else: what is wrong with a request is told only to who may send it.
    require(caller, _scope_for(request))
    _check_query(request)
    if request.method not in SAFE:
        database = for_requests(settings_of(request).operator)
        await run_in_threadpool(begin_entry, request, caller, database)


def refusal_of(request: Request) -> HTTPException | None:
    """Return the 403 for a caller who may not send a request; None if they may, or are no caller.

    FastAPI reads a body before it asks ``guard``. So whoever answers that a body is invalid asks
    here first.
    """
    caller = getattr(request.state, "caller", None)
    if not isinstance(caller, Caller):
        return None
    try:
        require(caller, _scope_for(request))
    except HTTPException as refused:
        return refused
    return None


def _scope_for(request: Request) -> Scope:
    return Scope.READ if request.method in SAFE else Scope.OPERATE


def _check_query(request: Request) -> None:
    """Return if the route takes parameters, which it checks itself, or none were sent.

    The routes without a version take whatever is behind the path, as the program before us did.
    """
    dependant = getattr(request.scope.get("route"), "dependant", None)
    if not request.query_params or not request.url.path.startswith("/v1/"):
        return
    if dependant is not None and not _takes_query(dependant):
        raise HTTPException(
            HTTPStatus.UNPROCESSABLE_ENTITY, "invalid query: this path takes no parameters"
        )


def _takes_query(dependant: Dependant) -> bool:
    return bool(dependant.query_params) or any(map(_takes_query, dependant.dependencies))


def needs(scope: Scope) -> Any:  # noqa: ANN401 - as Depends, for a default or Annotated
    """Return a dependency that yields the Caller, who must have a scope.

    ``guard`` has asked for READ, or for OPERATE if the method is not safe. Use this to know who
    calls, and where a GET needs more. A walk over all routes tests that none is without ``guard``.
    """

    async def caller_with(request: Request) -> Caller:
        caller = caller_of(request)
        require(caller, scope)
        return caller

    return Depends(caller_with)


# For an endpoint that says more in the audit than its path does.
Audited = Annotated[AuditEntry, Depends(audit_entry)]


def require(caller: Caller, scope: Scope) -> None:
    """Return if a caller has a scope.

    Raises:
        HTTPException: 403, they lack it.
    """
    if scope not in caller.scopes:
        raise HTTPException(
            HTTPStatus.FORBIDDEN, f"this needs the scope {scope}: ask with another token or login"
        )
