"""The broker's errors, with the names that Pub/Sub uses."""


class PubSubError(Exception):
    """The broker refuses a call; the caller gets this text."""


class NotFound(PubSubError):
    """The topic or subscription does not exist."""


class AlreadyExists(PubSubError):
    """A topic or subscription of that name exists."""


class InvalidArgument(PubSubError):
    """The request breaks a documented limit or format."""


class NotEmulated(PubSubError):
    """Pub/Sub supports the request, but this emulator does not."""
