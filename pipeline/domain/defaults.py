"""The default values of settings. Each figure is defined only here."""

from datetime import timedelta
from typing import Final

# An event of this age is expired: it notifies nobody.
MAX_EVENT_AGE: Final = timedelta(hours=24)
# Events per statement.
BATCH_SIZE: Final = 500
# Connections of one process.
POOL_SIZE: Final = 4
# Connections that a job may use in the database: all connections of a small Cloud SQL server.
GRANTED_CONNECTIONS: Final = 100
# Messages that a replay publishes per second.
REPLAY_RATE: Final = 500.0
POSTGRES_PORT: Final = 5432
# The login of Debezium, and its sslmode.
CAPTURE_USER: Final = "capture"
SSLMODE: Final = "verify-full"
SERVICE_PORT: Final = 8080
# Of one process of the HTTP service: requests a second of one caller, and of an address that is not
# recognised; requests that are served at the same time, and that wait for that.
CALLER_RATE: Final = 50.0
ADDRESS_RATE: Final = 10.0
REQUESTS_AT_ONCE: Final = 32
REQUESTS_WAITING: Final = 256
