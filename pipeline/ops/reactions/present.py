"""Whether a database has the family reactions."""

from typing import Final

from pipeline.clients.postgres.check import check_first
from pipeline.clients.postgres.retry import with_connection
from pipeline.domain.errors import ConfigurationError
from pipeline.ops.reactions.figures import has_reactions
from pipeline.settings import DatabaseSettings

NO_REACTIONS: Final = (
    "this database has no reactions; run: python -m pipeline migrate --family reactions"
)


def check_reactions(settings: DatabaseSettings) -> None:
    """Return if the database can be reached, and has the tables of reactions.

    Raises:
        ConfigurationError: it lacks them, or cannot be used at all.
        TransientError: it does not answer.
    """
    check_first(settings)
    if not with_connection(settings, has_reactions):
        raise ConfigurationError(NO_REACTIONS)
