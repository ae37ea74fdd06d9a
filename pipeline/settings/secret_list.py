"""Secrets of one variable: commas between them, each the secret itself or its name."""

import re
from collections.abc import Callable
from typing import Final

from pipeline.domain.errors import ConfigurationError
from pipeline.values import SECRET

_NAME: Final = re.compile(SECRET.pattern)
# One that is used, and those of a rotation that has not ended.
MOST_SECRETS: Final = 8


def is_secret_name(text: str) -> bool:
    """Return whether a text names a secret in Secret Manager: ``projects/P/secrets/S``."""
    return _NAME.fullmatch(text) is not None


def split_secrets(text: str) -> tuple[str, ...]:
    """Return the parts of a text. Blanks and line breaks around them are left out."""
    return tuple(part for each in text.split(",") if (part := each.strip()))


def read_secret_list(
    variable: str, text: str, *, is_valid: Callable[[str], bool], expected: str
) -> tuple[str, ...]:
    """Return the secrets or names of a variable, the one to use first. None: it is not set.

    Raises:
        ConfigurationError: one is invalid, or they are too many. No secret is quoted.
    """
    secrets = split_secrets(text)
    if len(secrets) > MOST_SECRETS or not all(
        is_secret_name(each) or is_valid(each) for each in secrets
    ):
        raise ConfigurationError(
            f"invalid {variable}: expected {expected}, or its name in Secret Manager as"
            f" projects/P/secrets/S; at most {MOST_SECRETS}, with commas between them"
        )
    return secrets
