"""What an application imports to ask for a mail. It loads neither Beam nor a provider."""

from pipeline.producer.transactional import (
    Booking,
    QueueOptions,
    queue_booking_confirmation,
    queue_magic_link,
    queue_mail,
)

__all__ = [
    "Booking",
    "QueueOptions",
    "queue_booking_confirmation",
    "queue_magic_link",
    "queue_mail",
]
