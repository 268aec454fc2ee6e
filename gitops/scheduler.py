"""APScheduler at the edge: asks the engine on each interval.

One job a repository, however many applications share it; the set of jobs follows the registry.
Called by `cli/serve.py` through wiring.
"""

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger

REVIEW = timedelta(seconds=5)
"""How often the set of repositories and the declared files are looked at."""


class Scheduler:
    """Polls repositories and reviews declared files."""

    def __init__(
        self,
        repositories: Callable[[], Iterable[str]],
        poll: Callable[[str], None],
        review: Callable[[], None],
        interval: timedelta,
        jitter_percent: int,
    ) -> None:
        self._repositories = repositories
        self._poll = poll
        self._review = review
        self._interval = interval
        self._jitter = interval.total_seconds() * jitter_percent / 100
        self._jobs: dict[str, Any] = {}
        self._scheduler: Any = BackgroundScheduler(
            executors={"default": ThreadPoolExecutor(2)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": 60},
            timezone="UTC",
        )

    def start(self) -> None:
        """Start the scheduler's thread."""
        self._follow()
        self._scheduler.add_job(self._look, IntervalTrigger(seconds=REVIEW.total_seconds()))
        self._scheduler.start()

    def stop(self) -> None:
        """Stop at once; a poll is only a request, so nothing is cut off."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)

    def _look(self) -> None:
        self._review()
        self._follow()

    def _follow(self) -> None:
        """One job for each repository in use, none for the others."""
        if not self._interval:
            return
        wanted = set(self._repositories())
        for repo_url in wanted - set(self._jobs):
            trigger = IntervalTrigger(
                seconds=self._interval.total_seconds(), jitter=self._jitter or None
            )
            self._jobs[repo_url] = self._scheduler.add_job(self._poll, trigger, args=[repo_url])
        for repo_url in set(self._jobs) - wanted:
            self._jobs.pop(repo_url).remove()
