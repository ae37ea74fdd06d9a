"""Scheduled jobs: when each ran, with which result, and when it is due."""
