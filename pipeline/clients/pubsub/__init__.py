"""How the pipeline talks to Pub/Sub: one client of each kind per process."""
