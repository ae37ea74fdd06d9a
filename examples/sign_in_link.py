"""A person asks for a link to sign in: one transaction for the token and its mail.

DATABASE_URL=postgresql://... python -m examples.sign_in_link ann@host.example https://app.example/auth
"""

import hashlib
import os
import secrets
import sys
from typing import Any
from uuid import UUID

import psycopg

from pipeline.producer import queue_magic_link


def send_link(connection: psycopg.Connection[Any], email: str, page: str) -> UUID:
    """Make a token, and queue the mail with the link; return the mail's id."""
    token = secrets.token_urlsafe(32)
    with connection.transaction():
        connection.execute(
            """
            INSERT INTO sign_in_tokens (sha256, email, expires_at)
            VALUES (%s, %s, now() + interval '1 hour')
            """,
            [hashlib.sha256(token.encode()).digest(), email],
        )
        # It is not sent after its hour, when the link would no longer work.
        return queue_magic_link(connection, email, f"{page}?token={token}", valid_hours=1)


if __name__ == "__main__":
    with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
        sys.stdout.write(f"mail {send_link(connection, *sys.argv[1:3])}\n")
