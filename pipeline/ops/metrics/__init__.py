"""The figures of the ledger that a monitoring system collects."""
