"""Lists, counts and resolves dead letters."""
