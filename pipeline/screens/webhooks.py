"""Prints webhook endpoints in a terminal: what is known of them, never their secrets."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.table import Table
from rich.text import Text

from pipeline.domain.units import counted, minute
from pipeline.ops.switches.things import is_reaction
from pipeline.ops.webhooks.change import ChangedEndpoint, NewEndpoint, RotatedSecret
from pipeline.ops.webhooks.ping import Ping
from pipeline.ops.webhooks.read import Endpoint, SecretInUse
from pipeline.screens.printable import printable
from pipeline.screens.terminal import open_console

_ADD = "python -m pipeline webhooks add NAME URL --type TYPE"
_STYLES = {"works": "green", "waits": "yellow", "paused": "yellow", "disabled": "red"}


def added_lines(added: NewEndpoint) -> str:
    """Return lines about a new endpoint, for standard error: its secret is not in them."""
    gets = "with payloads" if added.with_payload else "ids only"
    types = ", ".join(added.event_types)
    routed = "".join(
        f"of {each}, a type of reactions, only by a route:"
        f" python -m pipeline routes add {each} --to webhook:{added.name}\n"
        for each in added.event_types
        if is_reaction(each)
    )
    return (
        f"{added.name}: hears of {types}, {gets}\n{routed}{_about_secret(added.secret)}\n"
        f"to try it: python -m pipeline webhooks test {added.name}"
    )


def rotated_lines(rotated: RotatedSecret) -> str:
    """Return lines about a new secret, for standard error: it is not in them."""
    return (
        f"{rotated.name}: the older secret is used beside the new one until"
        f" {minute(rotated.both_until)}\n{_about_secret(rotated.secret)}"
    )


def changed_line(changed: ChangedEndpoint, state: str, then: str) -> str:
    """Return a line that says what an endpoint is now."""
    already = "" if changed.changed else " already"
    return f"{changed.name} is {state}{already}: {then}\n"


def ping_line(ping: Ping) -> str:
    """Return a line that says what came of a ping."""
    if ping.is_taken:
        return f"{ping.name} took it: it answered {ping.status}\n"
    if ping.reason is None:
        return (
            f"{ping.name}: nothing was sent yet; is python -m pipeline run --graph push running?\n"
        )
    return f"{ping.name} did not take it: {printable(ping.reason)}\n"


def show_endpoints(endpoints: Sequence[Endpoint]) -> None:
    """Print each endpoint's name, state, origin and figures."""
    console = open_console()
    if not endpoints:
        console.print(f"no endpoints; to add one: {_ADD}")
        return
    table = Table.grid(padding=(0, 2))
    table.add_column(style="cyan", no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for each in endpoints:
        about = Text(f"{printable(each.origin)}; {', '.join(map(printable, each.event_types))}")
        about.append(f"\n{_figures(each)}")
        table.add_row(each.name, Text(each.state, _STYLES[each.state]), about)
    console.print(table)


def show_endpoint(endpoint: Endpoint) -> None:
    """Print all that is known of an endpoint."""
    console = open_console()
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right", style="cyan", no_wrap=True)
    table.add_column(overflow="fold")
    state = Text(endpoint.state, _STYLES[endpoint.state])
    if endpoint.reason is not None:
        state.append(f": {printable(endpoint.reason)}", "default")
    taken = "never" if endpoint.worked_at is None else minute(endpoint.worked_at)
    rows: list[tuple[str, str | Text]] = [
        ("state", state),
        ("address", printable(endpoint.url)),
        ("hears of", ", ".join(map(printable, endpoint.event_types))),
        ("gets", "ids and payloads" if endpoint.with_payload else "ids"),
        ("added", f"{minute(endpoint.created_at)} by {printable(endpoint.created_by)}"),
        ("last took one", taken),
        ("last 24 hours", _figures(endpoint)),
        *(("secret", _secret(each)) for each in endpoint.secrets),
        ("id", str(endpoint.id)),
    ]
    for name, value in rows:
        table.add_row(name, value if isinstance(value, Text) else Text(value))
    console.print(Text(endpoint.name, "bold"))
    console.print(table)


def endpoint_document(endpoint: Endpoint, *, whole: bool) -> dict[str, Any]:
    """Return an endpoint for programs.

    Args:
        endpoint: the endpoint.
        whole: with its whole address, which may hold a token.
    """
    found = asdict(endpoint)
    if not whole:
        del found["url"]
    return found


def _about_secret(secret: str | None) -> str:
    if secret is None:
        return "its secret is read from Secret Manager by its name"
    return "keep the secret above now: it is stored encrypted, and nobody can show it again"


def _secret(secret: SecretInUse) -> str:
    kept = "encrypted" if secret.name is None else f"named {printable(secret.name)}"
    until = "" if secret.retires_at is None else f", used until {minute(secret.retires_at)}"
    return f"of {minute(secret.created_at)}, {kept}{until}"


def _figures(endpoint: Endpoint) -> str:
    parts = [f"{counted(endpoint.done, 'webhook')} taken"]
    for number, what in (
        (endpoint.waiting, "waiting"),
        (endpoint.paused, "held back"),
        (endpoint.dead, "dead"),
    ):
        if number:
            parts.append(f"{number:,} {what}")
    return ", ".join(parts)
