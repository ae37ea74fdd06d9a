"""Prints API tokens in a terminal: what is known of them, never the tokens."""

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from pipeline.domain.units import minute
from pipeline.ops.tokens.change import NewToken, RevokedToken
from pipeline.ops.tokens.read import StoredToken
from pipeline.screens.printable import printable
from pipeline.screens.terminal import open_console

_CREATE = "python -m pipeline tokens create NAME --scope read"


def created_lines(created: NewToken) -> str:
    """Return lines about a new token, for standard error: the token itself is not in them."""
    until = f"until {minute(created.expires_at)}" if created.expires_at else "until it is revoked"
    return (
        f"{created.name}: may {' and '.join(created.scopes)}, {until}\n"
        "keep the token above now: only its hash is stored, and nobody can show it again\n"
        f"to revoke it: python -m pipeline tokens revoke {created.name}"
    )


def show_tokens(tokens: Sequence[StoredToken]) -> None:
    """Print each token's name, scopes, state and last use."""
    console = open_console()
    if not tokens:
        console.print(f"no tokens; to create one: {_CREATE}")
        return
    table = Table.grid(padding=(0, 2))
    table.add_column(style="cyan", no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for token in tokens:
        by = f"created {minute(token.created_at)} by {printable(token.created_by)}"
        used = f"last used {minute(token.last_used_at)}" if token.last_used_at else "never used"
        table.add_row(
            token.name, ", ".join(token.scopes), Text(f"{by}; {used}\n").append(_state(token))
        )
    console.print(table)


def revoked_line(revoked: RevokedToken) -> str:
    """Return a line that says since when a token is revoked."""
    already = " already" if revoked.before else ""
    return f"{revoked.name} is revoked{already}, since {minute(revoked.revoked_at)}\n"


def _state(token: StoredToken) -> Text:
    if token.revoked_at is not None:
        return Text(f"revoked {minute(token.revoked_at)}", "red")
    if token.expires_at is None:
        return Text("works until it is revoked")
    if token.state == "expired":
        return Text(f"expired {minute(token.expires_at)}", "red")
    return Text(f"works until {minute(token.expires_at)}")
