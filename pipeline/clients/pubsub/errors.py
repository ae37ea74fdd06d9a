"""Turns errors of Pub/Sub into configuration errors and transient errors."""

from collections.abc import Callable
from typing import TypeVar

from google.api_core.exceptions import (
    FailedPrecondition,
    Forbidden,
    GoogleAPICallError,
    InvalidArgument,
    NotFound,
    RetryError,
    Unauthenticated,
)
from google.auth.exceptions import DefaultCredentialsError

from pipeline.domain.errors import ConfigurationError, TransientError

ClientT = TypeVar("ClientT")


def connect(client: Callable[[], ClientT]) -> ClientT:
    """Make a Pub/Sub client.

    Raises:
        ConfigurationError: there are no credentials. An emulator needs none.
    """
    try:
        return client()
    except DefaultCredentialsError:
        raise ConfigurationError(
            "no Google credentials: run gcloud auth application-default login,"
            " or set PUBSUB_EMULATOR_HOST to an emulator"
        ) from None


def classify(
    error: GoogleAPICallError | RetryError, resource: str
) -> ConfigurationError | TransientError:
    """Turn an error of the API into one of ours. ``resource`` is the topic or subscription."""
    match error:
        case NotFound():
            return ConfigurationError(f"{resource} does not exist: create it, or correct its name")
        case Forbidden() | Unauthenticated():
            return ConfigurationError(f"these credentials may not use {resource}: grant access")
        case InvalidArgument() | FailedPrecondition():
            return ConfigurationError(f"Pub/Sub rejects {resource}: {error.message}")
        case _:
            return TransientError(f"Pub/Sub cannot be reached ({type(error).__name__})")
