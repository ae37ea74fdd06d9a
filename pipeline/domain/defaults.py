"""What holds where nothing else was said; each figure stands here and nowhere else."""

from datetime import timedelta
from typing import Final

# An event of this age is told to nobody.
MAX_EVENT_AGE: Final = timedelta(hours=24)
# Events of one statement.
BATCH_SIZE: Final = 500
# Connections that one process opens.
POOL_SIZE: Final = 4
# Connections that a database grants a job: all that a small Cloud SQL server has.
GRANTED_CONNECTIONS: Final = 100
# Messages that a replay publishes in a second.
REPLAY_RATE: Final = 500.0
POSTGRES_PORT: Final = 5432
# As whom Debezium logs in, and what it demands of the server.
CAPTURE_USER: Final = "capture"
SSLMODE: Final = "verify-full"
