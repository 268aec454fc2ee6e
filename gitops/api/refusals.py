"""Refused attempts go to the trail, but nobody can fill the disk with them.

Called by `api/gate.py` and `api/webhooks.py` for answers 401 and 403.
"""

import threading

import structlog

from gitops.engine.service import Service
from gitops.errors import GitopsError

BURST = 20
REFILL_S = 30.0
"""So many are recorded at once, then one in this time; the next one counts those left out."""

log = structlog.get_logger("gitops.api")


class Refusals:
    """Records refused attempts, a limited number."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._clock = service.edges.clock
        self._lock = threading.Lock()
        self._left = float(BURST)
        self._at = self._clock.monotonic()
        self._untold = 0

    def record(self, actor: str, what: str, error: GitopsError) -> None:
        """Keep one attempt in the trail and the log; a store that cannot is no reason to fail."""
        untold = self._take()
        if untold is None:
            return
        if untold:
            what = f"{what} (and {untold} more that were not recorded)"
        log.warning("refused", actor=actor, what=what, error=error.message)
        try:
            self._service.refused(None, actor, what, error)
        except GitopsError as failure:
            log.warning("refused attempt not recorded", error=str(failure))

    def _take(self) -> int | None:
        """How many were left out since the last; None where this one is left out too."""
        with self._lock:
            now = self._clock.monotonic()
            self._left = min(float(BURST), self._left + (now - self._at) / REFILL_S)
            self._at = now
            if self._left < 1:
                self._untold += 1
                return None
            self._left -= 1
            untold, self._untold = self._untold, 0
            return untold
