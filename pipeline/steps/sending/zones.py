"""The time zone of a person: names as the application and the settings have them in, a zone out."""

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pipeline.domain.errors import ConfigurationError


def zone_of(zone: str | None, usual: str) -> ZoneInfo:
    """Return the zone of a person; the usual one if there is none of this name.

    Raises:
        ConfigurationError: there is no zone of the usual name either.
    """
    for name in (zone, usual):
        try:
            if name is not None:
                return ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            # The others: a text that cannot be the name of a file, or the name of a folder.
            continue
    raise ConfigurationError(
        "invalid zone in fanout.digest_hours: expected an IANA name such as Europe/Berlin"
    )
