"""What people do with the pipeline: migrate, seed, run it; later replay, ask why, look after it."""
