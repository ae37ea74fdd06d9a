"""The embedded stack: Postgres, Debezium and Pub/Sub on loopback, from wheels alone."""
