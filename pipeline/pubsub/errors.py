"""Which of the three classes an error of Pub/Sub belongs to."""

from google.api_core.exceptions import (
    Forbidden,
    GoogleAPICallError,
    InvalidArgument,
    NotFound,
    RetryError,
    Unauthenticated,
)

from pipeline.domain.errors import ConfigurationError, TransientError


def classify(
    error: GoogleAPICallError | RetryError, resource: str
) -> ConfigurationError | TransientError:
    """Turn an error of the API into one of ours; ``resource`` is what was asked for."""
    match error:
        case NotFound():
            return ConfigurationError(f"{resource} does not exist: create it, or correct its name")
        case Forbidden() | Unauthenticated():
            return ConfigurationError(f"{resource} is closed to these credentials: grant access")
        case InvalidArgument():
            return ConfigurationError(f"Pub/Sub refuses {resource}: {error.message}")
        case _:
            return TransientError(f"Pub/Sub cannot be reached ({type(error).__name__})")
