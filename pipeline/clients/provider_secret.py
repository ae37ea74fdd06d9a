"""The key or token for a provider: settings in; the text to send, or why there is none, out."""

from collections.abc import Callable

from pipeline.clients.named_secrets import read_text
from pipeline.domain.errors import ConfigurationError, TransientError
from pipeline.domain.provider_answer import AuthFailed, Unavailable


def provider_secret(
    value: str, name: str, what: str, is_valid: Callable[[str], bool]
) -> str | AuthFailed | Unavailable:
    """Return a secret. One that is only named is read from Secret Manager, and read again later.

    Args:
        value: the secret itself; empty: it is only named.
        name: its name in Secret Manager.
        what: what it is, for errors.
        is_valid: whether a text can be sent.
    """
    if not name:
        return value
    try:
        text = read_text(name, what)
    except ConfigurationError:
        return AuthFailed(code="secret_unreadable")
    except TransientError:
        return Unavailable(code="secret_unavailable", may_be_accepted=False)
    return text if is_valid(text) else AuthFailed(code="secret_invalid")
