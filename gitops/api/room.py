"""How much the service holds for clients at once: bytes of bodies, clients that wait for events.

Used on the event loop alone, by `api/gate.py` and `api/events.py`: nothing here waits or locks.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from gitops.errors import ServiceError


class Room:
    """So much and no more; `full` is the sentence for whoever finds no place."""

    def __init__(self, most: int, full: str) -> None:
        self._most = most
        self._full = full
        self.held = 0

    @contextmanager
    def place(self, size: int = 0) -> Iterator["Place"]:
        """A place that is given back when the block ends; raises ServiceError where it is full."""
        place = Place(self)
        try:
            place.grow(size)
            yield place
        finally:
            self.held -= place.size

    def take(self, size: int) -> None:
        """Hold more; raises ServiceError and holds no more where it is full."""
        if self.held + size > self._most:
            raise ServiceError(self._full, remedy="try again in a moment")
        self.held += size


class Place:
    """What one client holds of a room."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self.size = 0

    def grow(self, size: int) -> None:
        """Hold more; raises ServiceError where the room is full."""
        self._room.take(size)
        self.size += size
