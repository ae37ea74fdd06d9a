"""From a row in ``domain_events`` to the notifications and e-mails it means."""

__version__ = "0.2.0"
