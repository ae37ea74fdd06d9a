"""Reads one version of a secret in Google's Secret Manager."""

import logging
from typing import Final

from google.api_core import exceptions
from google.auth.exceptions import DefaultCredentialsError
from google.cloud.secretmanager import SecretManagerServiceClient
from google.cloud.secretmanager_v1.services.secret_manager_service.transports import (
    SecretManagerServiceGrpcTransport,
)

from pipeline.domain.errors import ConfigurationError, TransientError

TIMEOUT_SECONDS: Final = 10.0

# At DEBUG the client logs each answer, which contains the secret.
logging.getLogger(SecretManagerServiceGrpcTransport.__module__).setLevel(logging.INFO)


def read_secret(version: str) -> bytes:
    """Read the value of ``projects/P/secrets/S/versions/V``, with one request.

    Raises:
        ConfigurationError: the secret does not exist, or we may not read it.
        TransientError: Secret Manager does not answer.
    """
    try:
        with SecretManagerServiceClient() as client:
            # The client's own retries would take a minute, and the caller retries anyway.
            answer = client.access_secret_version(name=version, retry=None, timeout=TIMEOUT_SECONDS)
    except (exceptions.NotFound, exceptions.FailedPrecondition):
        raise ConfigurationError(
            f"the secret {version} does not exist or is disabled: create or enable it"
        ) from None
    except exceptions.InvalidArgument:
        raise ConfigurationError(
            f"invalid secret name {version!r}: expected projects/P/secrets/S"
        ) from None
    except (exceptions.PermissionDenied, exceptions.Unauthenticated):
        raise ConfigurationError(
            f"no permission to read the secret {version}: grant the worker's service account"
            " roles/secretmanager.secretAccessor on it"
        ) from None
    except DefaultCredentialsError:
        raise ConfigurationError(
            f"no Google credentials to read the secret {version}:"
            " run gcloud auth application-default login"
        ) from None
    except (exceptions.GoogleAPICallError, exceptions.RetryError) as error:
        raise TransientError(
            f"Secret Manager did not return the secret {version} ({type(error).__name__})"
        ) from None
    return bytes(answer.payload.data)
