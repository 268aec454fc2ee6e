"""A clock that stands until a test moves it."""

from datetime import UTC, datetime, timedelta


class StandingClock:
    """Time as a value: `move` makes it later."""

    def __init__(self) -> None:
        self._seconds = 1000.0

    def now(self) -> datetime:
        """Aware UTC."""
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self._seconds)

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return self._seconds

    def move(self, seconds: float) -> None:
        """Let time pass."""
        self._seconds += seconds
