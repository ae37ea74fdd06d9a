"""Debezium without Debezium Server: its engine, driven by the configuration that is deployed."""

from local.debezium.process import Debezium

__all__ = ["Debezium"]
