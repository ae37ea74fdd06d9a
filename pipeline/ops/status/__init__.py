"""Status: a database in, how the pipeline is doing out, as figures, as a screen or as JSON."""
