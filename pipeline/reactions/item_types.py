"""The kinds of things that stand in an inbox."""

from enum import StrEnum


class ItemType(StrEnum):
    """What an inbox item is about. Its id is that of the thing."""

    INTRO_OPPORTUNITY = "intro_opportunity"
    CONNECTION_REQUEST = "connection_request"
    COMMUNITY_REQUEST = "community_request"
    INTRO_OFFER = "intro_offer"
    INTRO_OFFER_CONFIRMATION = "intro_offer_confirmation"
