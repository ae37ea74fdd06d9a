"""One version of a secret in Google's Secret Manager."""

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

# At DEBUG the client logs what it is answered, hence the secret.
logging.getLogger(SecretManagerServiceGrpcTransport.__module__).setLevel(logging.INFO)


def read_secret(version: str) -> bytes:
    """The value of ``projects/P/secrets/S/versions/V``, asked for once.

    Raises:
        ConfigurationError: it does not exist, or may not be read.
        TransientError: Secret Manager does not answer.
    """
    try:
        with SecretManagerServiceClient() as client:
            # The client's own retries would take a minute; whoever connects comes again anyway.
            answer = client.access_secret_version(name=version, retry=None, timeout=TIMEOUT_SECONDS)
    except (exceptions.NotFound, exceptions.FailedPrecondition):
        raise ConfigurationError(
            f"there is no enabled secret {version}: create or enable it"
        ) from None
    except exceptions.InvalidArgument:
        raise ConfigurationError(
            f"Secret Manager takes no name like {version}: projects/P/secrets/S"
        ) from None
    except (exceptions.PermissionDenied, exceptions.Unauthenticated):
        raise ConfigurationError(
            f"the secret {version} may not be read: grant the worker's service account"
            " roles/secretmanager.secretAccessor on it"
        ) from None
    except DefaultCredentialsError:
        raise ConfigurationError(
            f"the secret {version} cannot be read without credentials:"
            " run gcloud auth application-default login"
        ) from None
    except (exceptions.GoogleAPICallError, exceptions.RetryError) as error:
        raise TransientError(
            f"Secret Manager does not give the secret {version} ({type(error).__name__})"
        ) from None
    return bytes(answer.payload.data)
