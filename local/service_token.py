"""The token of a folder's stack: made once, and kept in a file that only its owner can read."""

import secrets
from pathlib import Path
from typing import Final

from pipeline.clients.postgres.pool import close_pools
from pipeline.domain.scope import CallerScope
from pipeline.ops.tokens.change import create_token
from pipeline.ops.tokens.read import holder_of
from pipeline.ops.tokens.secret import digest
from pipeline.settings import DatabaseSettings

_SUFFIX_BYTES: Final = 4


def local_token(path: Path, operator_url: str) -> str:
    """Return a token with every scope for the service of a stack.

    It is made anew if the file is lost, or the token was revoked.

    Args:
        path: The file.
        operator_url: The database, with the login of an operator.
    """
    settings = DatabaseSettings(dsn=operator_url)
    try:
        if path.exists():
            kept = path.read_text("ascii").strip()
            if holder_of(settings, digest(kept)) is not None:
                return kept
        # A name is never used again.
        name = f"local-{secrets.token_hex(_SUFFIX_BYTES)}"
        made = create_token(settings, name, tuple(CallerScope)).token
    finally:
        close_pools()
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text(f"{made}\n", "ascii")
    return made
