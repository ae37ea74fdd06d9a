"""The family ``reactions``, pure: a row of ``reactions.events`` in, what follows from it out."""
