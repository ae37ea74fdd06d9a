"""Broadcasts: what is told to everyone, or to all who follow a topic."""
