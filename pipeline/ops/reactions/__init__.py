"""What operators see and do of events of reactions, whose ids are UUIDs."""
