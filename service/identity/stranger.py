"""What a route that everyone may ask tells to a caller, and keeps from a stranger."""

from fastapi import Request

from service.identity.caller import Caller, Scope


def may_read(request: Request) -> bool:
    """Return whether the request comes from a caller with the scope read."""
    caller = getattr(request.state, "caller", None)
    return isinstance(caller, Caller) and Scope.READ in caller.scopes
