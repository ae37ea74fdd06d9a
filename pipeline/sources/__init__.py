"""The sources of wake-ups: Pub/Sub and the ledger."""
