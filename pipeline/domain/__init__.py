"""The vocabulary: messages, wake-ups, records, payloads, errors. No Beam, no database."""
