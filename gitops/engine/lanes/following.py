"""Following Git: polls and webhooks bring a mirror up to date and wake whom it concerns.

One job lane a repository, so that a repository is fetched once however many applications share it.
An application whose paths did not change is not woken; its commit moves on in memory.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace

from gitops.core.git.repo_url import same_repository
from gitops.core.git.webhooks import follows
from gitops.engine.facts.registry import Runtime
from gitops.engine.lanes.dispatcher import Job
from gitops.engine.lanes.parts import Parts
from gitops.errors import GitopsError, RenderError, SourceError
from gitops.model.revision import Commit, Trigger, TriggerKind
from gitops.ports import Delivery

LANE = "git:"
MOVED = "moved"
CHECK = "check"
REFRESH = "refresh"


@dataclass(frozen=True, slots=True)
class Concerned:
    """Whom a webhook concerns: repositories to fetch, and applications that follow the ref."""

    repositories: tuple[str, ...]
    applications: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Look:
    """A look that somebody waits for: at these repositories in turn, then at the application."""

    application: str
    repositories: tuple[str, ...]


def _is_unsure(runtime: Runtime) -> bool:
    """Whether an application does not know yet which commit it follows: any push may tell."""
    if runtime.problem is not None:
        return isinstance(runtime.problem, SourceError)
    return runtime.desired is None


def _may_pass(problem: GitopsError | None) -> bool:
    """Whether another look may find the problem gone; equal content renders to an equal fault."""
    return problem is not None and not isinstance(problem, RenderError)


def _is_open(runtime: Runtime) -> bool:
    """Whether an application has to be looked at although nothing moved."""
    return runtime.desired is None or _may_pass(runtime.problem)


Heads = dict[tuple[tuple[str, str], ...], tuple[Commit, ...]]
"""The commits that sources follow now: applications that follow the same share one look."""


class Follower:
    """Keeps mirrors up to date; `handle` is a dispatcher lane's handler."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._owed: dict[str, list[Job]] = {}
        """Fetches for webhooks that failed: the next one answers for them."""
        self._seen: dict[str, dict[str, str] | None] = {}
        """The references of a repository with which all that use it were up to date."""

    def poll(self, repo_url: str) -> None:
        """Ask for a look at a repository; called by the scheduler."""
        self._parts.dispatcher.request(LANE + repo_url, "poll", Trigger(TriggerKind.POLL))

    def start(self, repo_url: str) -> None:
        """Fetch at start-up, then look at every application of the repository."""
        self._parts.dispatcher.request(LANE + repo_url, "start", Trigger(TriggerKind.STARTUP))

    def fetch(self, repo_url: str, trigger: Trigger, delivery: str = "") -> int:
        """Ask for a fetch without a look first: somebody said that there is something."""
        return self._parts.dispatcher.request(
            LANE + repo_url, "fetch", trigger, options=delivery or None
        )

    def look(self, look: Look, trigger: Trigger, ticket: int = 0) -> int:
        """Ask for a look; returns its ticket. The application's turn comes after every fetch."""
        dispatcher = self._parts.dispatcher
        if not look.repositories:
            return dispatcher.request(look.application, REFRESH, trigger, ticket=ticket)
        first, *others = look.repositories
        rest = replace(look, repositories=tuple(others))
        return dispatcher.request(LANE + first, REFRESH, trigger, options=rest, ticket=ticket)

    def deliver(self, delivery: Delivery, default_branch: str = "") -> Concerned:
        """Fetch what a webhook names, once a repository; nothing where nobody follows its ref."""
        concerned = self.concerned(delivery, default_branch)
        trigger = Trigger(TriggerKind.WEBHOOK, delivery.actor, delivery.evidence)
        for repo_url in concerned.repositories:
            self.fetch(repo_url, trigger, delivery.id)
        if not concerned.repositories:
            self._parts.store.delivered([delivery.id])
        return concerned

    def concerned(self, delivery: Delivery, default_branch: str = "") -> Concerned:
        """Applications that follow the ref of a delivery, or do not know yet what they follow.

        `delivery.repository` holds the URL's spellings, separated by spaces.
        """
        spellings = delivery.repository.split()
        repositories, applications = set(), set()
        for runtime in self._parts.registry.all():
            unsure = _is_unsure(runtime)
            for source in runtime.application.sources:
                moved = unsure or follows(source.target_revision, delivery.ref, default_branch)
                if moved and any(same_repository(source.repo_url, url) for url in spellings):
                    repositories.add(source.repo_url)
                    applications.add(runtime.name)
        return Concerned(tuple(sorted(repositories)), tuple(sorted(applications)))

    def handle(self, jobs: list[Job]) -> None:
        """Bring one repository up to date; a webhook's fetch makes a poll needless."""
        repo_url = jobs[0].application.removeprefix(LANE)
        jobs = [*self._owed.pop(repo_url, []), *jobs]
        fetches = [job for job in jobs if job.kind in ("fetch", "start", REFRESH)]
        cause = fetches[-1] if fetches else jobs[-1]
        everyone = any(job.kind == "start" for job in jobs)
        try:
            first = self._update(repo_url, look_first=not fetches)
        except GitopsError as error:
            self._fail(repo_url, error)
            self._owed[repo_url] = [job for job in jobs if job.kind == "fetch" and job.options]
            if everyone:
                self.wake(repo_url, cause.trigger, everyone=True)
            self._go_on(jobs)
            return
        recovered = self._recover(repo_url)
        self.wake(repo_url, cause.trigger, everyone=first or everyone or recovered)
        self._go_on(jobs)
        answered = [str(j.options) for j in fetches if j.kind == "fetch" and j.options]
        self._parts.store.delivered(answered)

    def _go_on(self, jobs: Collection[Job]) -> None:
        """Give the turn to the applications for whose sake somebody looked."""
        for job in jobs:
            if job.kind == "declared":
                self._parts.dispatcher.request(str(job.options), CHECK, job.trigger)
            if job.kind == REFRESH:
                self.look(job.options, job.trigger, job.ticket)

    def _update(self, repo_url: str, *, look_first: bool) -> bool:
        """Fetch, with a look first only where references moved; True for the first fetch."""
        repositories = self._parts.repositories
        known = repositories.known(repo_url)
        if look_first and known and dict(repositories.poll(repo_url)) == dict(known):
            return False
        repositories.fetch(repo_url)
        return not known

    def _fail(self, repo_url: str, error: GitopsError) -> None:
        """Name the problem once; what runs keeps running."""
        for runtime in self._parts.registry.using([repo_url]):
            if str(runtime.away.get(repo_url)) != str(error):
                self._parts.events.publish(runtime.name, "problem", str(error), code=error.code)
            runtime.away[repo_url] = error

    def _recover(self, repo_url: str) -> bool:
        """Forget that it did not answer; True where somebody had been told so."""
        told = False
        for runtime in self._parts.registry.using([repo_url]):
            if runtime.away.pop(repo_url, None) is not None:
                told = True
                self._parts.events.publish(
                    runtime.name, "recovered", "the repository answers again"
                )
        return told

    def wake(self, repo_url: str, trigger: Trigger, *, everyone: bool = False) -> None:
        """Wake the applications that a moved repository concerns, or all that use it.

        Only a move past what an application is being brought to may end its running sync.
        """
        heads: Heads = {}
        references = self._references(repo_url)
        moved = references is None or references != self._seen.get(repo_url)
        self._seen[repo_url] = references
        for runtime in self._parts.registry.using([repo_url]):
            known = runtime.desired is not None
            concerned = self._concerns(runtime, heads) if moved else _is_open(runtime)
            if concerned:  # whether it takes that in is seen the next time
                self._seen[repo_url] = None
            if concerned or everyone:
                kind = MOVED if concerned and known else CHECK
                self._parts.dispatcher.request(runtime.name, kind, trigger)

    def _references(self, repo_url: str) -> dict[str, str] | None:
        """What the mirror holds; None where it cannot be read."""
        try:
            return dict(self._parts.repositories.known(repo_url))
        except SourceError:
            return None

    def _concerns(self, runtime: Runtime, heads: Heads) -> bool:
        """Whether new commits touch what an application can read; if not, note the commits."""
        desired, sources = runtime.desired, runtime.application.sources
        if desired is None or _is_open(runtime):
            return True
        followed = tuple((source.repo_url, source.target_revision) for source in sources)
        try:
            commits = heads.get(followed) or self._parts.loader.resolve(runtime.application)
        except SourceError:
            return True
        heads[followed] = commits
        if [c.sha for c in commits] == [c.sha for c in desired.commits]:
            return False
        if not desired.paths or self._touched(runtime, desired.commits, commits, desired.paths):
            return True
        runtime.desired = replace(desired, commits=commits)
        return False

    def _touched(
        self,
        runtime: Runtime,
        old: Collection[Commit],
        new: Collection[Commit],
        paths: tuple[tuple[str, ...], ...],
    ) -> bool:
        sources = runtime.application.sources
        return any(
            self._parts.loader.touched(source.repo_url, before.sha, after.sha, readable)
            for source, before, after, readable in zip(sources, old, new, paths, strict=True)
        )
