"""Time, handed in so that tests own it."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Time, handed in so that tests own it."""

    def now(self) -> datetime:
        """Aware UTC."""

    def monotonic(self) -> float:
        """Seconds that never go back."""
