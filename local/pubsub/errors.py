"""What the broker refuses, named as Pub/Sub names it."""


class PubSubError(Exception):
    """A call the broker refuses; its text is what the caller reads."""


class NotFound(PubSubError):
    """The topic or subscription does not exist."""


class AlreadyExists(PubSubError):
    """A topic or subscription of that name exists."""


class InvalidArgument(PubSubError):
    """The request breaks a documented limit or format."""


class NotEmulated(PubSubError):
    """Pub/Sub could do it, this emulator cannot."""
