"""The Pub/Sub clients: one publisher and one subscriber per process."""
