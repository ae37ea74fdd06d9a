"""The Debezium engine without Debezium Server, with the deployed configuration."""

from local.debezium.process import Debezium

__all__ = ["Debezium"]
