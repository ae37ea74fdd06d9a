"""What the probes and the metrics of one process look at, once for everyone who asks."""
