"""A clock that tests control."""


class ManualClock:
    """Monotonic seconds that pass only in ``advance``."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds
