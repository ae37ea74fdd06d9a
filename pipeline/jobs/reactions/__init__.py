"""The jobs of reactions: they hand out what is due, and close what has expired."""
