"""The figures that say how the pipeline is doing, read from the database."""
