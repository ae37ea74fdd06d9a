"""The audit: who changed what over HTTP, and how it ended."""
