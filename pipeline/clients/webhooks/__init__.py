"""Sends webhooks to endpoints of other systems, and only to those that are public."""
