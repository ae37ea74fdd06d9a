"""A new event type: writes its handler, its test and its line in the table."""

from tools.new_event.name import NameRefused
from tools.new_event.write import write_event

__all__ = ["NameRefused", "write_event"]
