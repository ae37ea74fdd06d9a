"""A broadcast in a terminal, and the question before it."""

from pipeline.ops.broadcasts.send import EVERYONE, SentBroadcast

_CHANNELS = {"bus": "who is connected", "fcm": "phones and browsers"}


def question(planned: SentBroadcast) -> str:
    """Return what to ask before it is sent."""
    who = "EVERYONE" if planned.audience == EVERYONE else f"all who follow {planned.audience}"
    return f"This tells {who}. It cannot be taken back.\nType {planned.audience} to send it: "


def broadcast_lines(sent: SentBroadcast) -> str:
    """Return who is told how."""
    title = "Dry run: nothing was written" if sent.id is None else f"Broadcast {sent.id}"
    lines = [
        f"  {channel:>8}  {_CHANNELS.get(channel, channel)}, by {recipient}"
        for channel, recipient in sent.deliveries
    ]
    return "\n".join([title, f"  audience  {sent.audience}", *lines, ""])
