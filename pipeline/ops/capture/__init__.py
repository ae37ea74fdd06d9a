"""The steps after which change data capture publishes only ids and times, not whole rows."""
