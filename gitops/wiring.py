"""The one module that knows the concrete classes: from settings to a service."""

import gc
import os
import stat
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog

from gitops.checks.actions import ActionRunner
from gitops.checks.jq import JqPaths
from gitops.checks.reading import read_actions, read_checks
from gitops.checks.runner import CheckRunner
from gitops.cluster.access import Trust
from gitops.cluster.client import KubeCluster
from gitops.controlplane.build import cache_directory, pin
from gitops.core.actions.scripts import ActionBook, scripts_of_customizations
from gitops.core.diff.ignore import DiffOptions
from gitops.core.diff.ignore_everywhere import rules_of_customizations
from gitops.core.git.repo_url import split_credentials
from gitops.core.health.checks import CheckBook, layer_of_customizations
from gitops.core.masking.rules import MaskRules, annotations_of
from gitops.core.path_rules import rule_fault
from gitops.engine.service import Edges, Service
from gitops.errors import ApplicationError, GitopsError, SettingsError
from gitops.model.application import PathRule
from gitops.openapi.loader import load_builtin
from gitops.render.renderer import ToolRenderer
from gitops.render.sandbox import Limits
from gitops.render.tools import Tools, find_tools
from gitops.repositories import make_repositories
from gitops.scheduler import Scheduler
from gitops.settings.load import Settings
from gitops.source.repositories import GitRepositories
from gitops.store.sql import SqlStore

log = structlog.get_logger("gitops")

SUFFIXES = (".yaml", ".yml", ".json")
UNREAD = (-1, -1)
"""The mark of a file that could not be read yet."""
COLLECT_AFTER = 10_000
"""So many more objects made than gone, before the garbage collector looks for cycles."""


class SystemClock:
    """The real time."""

    def now(self) -> datetime:
        """Aware UTC."""
        return datetime.now(UTC)  # noqa: TID251 - this is the Clock that everyone takes

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return time.monotonic()


def tools() -> Tools:
    """Kustomize and Helm: the user's own, else those of the control plane's build."""
    return find_tools(cache_directory() / pin())


def make_renderer(settings: Settings) -> ToolRenderer:
    """The renderer with its limits; what a killed service left of its renders goes."""
    limits = Limits(
        wall_s=settings.render.timeout.total_seconds(),
        memory_bytes=settings.render.memory_bytes,
        output_bytes=settings.render.output_bytes,
    )
    remote, work_dir = settings.render.allow_remote, settings.state_dir / "scratch"
    renderer = ToolRenderer(tools(), limits, work_dir, allow_remote=remote)
    renderer.clean()
    return renderer


@dataclass(slots=True)
class Running:
    """A service with its scheduler and what must be closed after it."""

    settings: Settings
    service: Service
    scheduler: Scheduler
    repositories: GitRepositories
    files: "DeclaredFiles"
    paths: JqPaths
    checks: CheckRunner
    scripts: ActionRunner
    store: SqlStore
    _resealing: threading.Thread | None = None
    _stopped: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        """Read the declared files, start the engine, then the polls."""
        self.service.record_settings(public_settings(self.settings))
        self.files.review()
        self.service.start(all_read=self.files.all_read)
        self.scheduler.start()
        if self.store.is_rotating:
            self._resealing = threading.Thread(target=self._reseal, name="re-encrypt", daemon=True)
            self._resealing.start()

    def _reseal(self) -> None:
        """Go on with a rotation of the key that a stop cut off, step by step."""
        try:
            while (left := self.store.reseal()) and not self._stopped.is_set():
                log.info("re-encrypting by the new key", left=left)
        except GitopsError as error:
            log.warning("re-encryption goes on at the next start", error=str(error))

    def stop(self) -> None:
        """Stop everything within the bound of the settings; may be called twice."""
        if self._stopped.is_set():
            return
        self._stopped.set()
        self.scheduler.stop()
        if self._resealing is not None:
            self._resealing.join()
        self.service.stop(self.settings.server.stop_timeout.total_seconds())
        self.repositories.close()
        self.paths.close()
        self.checks.close()
        self.scripts.close()


class DeclaredFiles:
    """Applications in files and directories; read again when they change."""

    def __init__(self, paths: tuple[Path, ...], service: Service) -> None:
        self._paths = paths
        self._service = service
        self._seen: dict[Path, tuple[int, int]] = {}
        self._names: dict[Path, set[str]] = {}
        self.all_read = True
        """Whether the last review could read all that the settings name."""

    def review(self) -> None:
        """Read what is new or changed, withdraw what is gone; a broken file stops no other."""
        self.all_read = True
        found = self._marks()
        for path in sorted(set(self._seen) - set(found)):
            self._withdraw(path, set())
        for path, mark in found.items():
            if self._seen.get(path) != mark and not self._load(path):
                found[path] = UNREAD
        self._seen = found
        self._service.declarer.let_go()

    def _marks(self) -> dict[Path, tuple[int, int]]:
        """When each file changed last, and its size; what cannot be looked at counts as it was."""
        found = {}
        for path in self._files():
            try:
                facts = path.stat()
            except OSError as error:
                self._complain(path, error)
                found[path] = self._seen.get(path, UNREAD)
                continue
            if stat.S_ISREG(facts.st_mode):
                found[path] = (facts.st_mtime_ns, facts.st_size)
        return found

    def _files(self) -> list[Path]:
        files: list[Path] = []
        for path in self._paths:
            if path.is_dir():
                files += self._below(path)
            elif path.is_file():
                files.append(path)
            elif path not in self._seen:
                self.all_read = False
                log.warning("applications not found", path=str(path))
        return files

    def _below(self, folder: Path) -> list[Path]:
        """The files of a folder; those that were there where it cannot be listed."""
        try:
            with os.scandir(folder) as entries:
                names = sorted(entry.name for entry in entries)
            return [folder / name for name in names if name.endswith(SUFFIXES)]
        except OSError as error:
            self._complain(folder, error)
            return [path for path in self._seen if path.parent == folder]

    def _load(self, path: Path) -> bool:
        """Declare what a file holds; False where it could not be read, and is tried again."""
        try:
            text = path.read_text("utf-8")
        except UnicodeDecodeError:
            self.all_read = False
            log.warning("applications not read", path=str(path), error="it is not UTF-8")
            return True
        except OSError as error:
            self._complain(path, error)
            return False
        loaded = self._service.declarer.load_file(text, str(path))
        for fault in loaded.errors:
            log.warning("applications not read", path=str(path), error=str(fault))
        if loaded.errors:  # what cannot be understood now is not withdrawn by that
            self.all_read = False
            self._names[path] = self._names.get(path, set()) | loaded.names
        else:
            self._withdraw(path, set(loaded.names))
        return True

    def _complain(self, path: Path, error: OSError) -> None:
        """Say once that something cannot be read."""
        self.all_read = False
        if self._seen.get(path) != UNREAD:
            log.warning("applications not read", path=str(path), error=error.strerror)

    def _withdraw(self, path: Path, kept: set[str]) -> None:
        for name in sorted(self._names.get(path, set()) - kept):
            self._service.declarer.withdraw(name, "file", str(path))
        self._names[path] = kept


def public_settings(settings: Settings) -> dict[str, Any]:
    """The settings as JSON, secrets masked by their own type.

    Of a Git credential only its place is told: a user name can itself be a token.
    """
    values: dict[str, Any] = settings.model_dump(mode="json", exclude={"git": {"credentials"}})
    values["git"]["credentials"] = [
        split_credentials(entry.url_prefix)[0] for entry in settings.git.credentials
    ]
    return values


def make_checks(settings: Settings) -> CheckRunner:
    """The health checks of files and settings; raises InputError. Starts no process."""
    book = read_checks(settings.health.checks)
    written = layer_of_customizations(settings.health.customizations, "the settings")
    return CheckRunner(CheckBook((written, *book.layers)))


def make_scripts(settings: Settings) -> ActionRunner:
    """The actions of files and settings; raises InputError. Starts no process."""
    written = scripts_of_customizations(settings.actions.customizations, "the settings")
    book = read_actions(settings.actions.scripts)
    return ActionRunner(ActionBook((written, *book.places)))


def make_comparing(settings: Settings, paths: JqPaths) -> DiffOptions:
    """What is left out of every comparison; raises InputError."""
    rules = rules_of_customizations(settings.diff.customizations, "the settings")
    return DiffOptions(rules, find_paths=paths)


def make_masking(settings: Settings, paths: JqPaths) -> MaskRules:
    """What never shows besides Secrets; raises SettingsError for a rule that is no good."""
    rules = []
    for number, given in enumerate(settings.masking.rules):
        rule = PathRule(**given.model_dump())
        fault = rule_fault(rule)
        try:
            _ = rule.jq_path_expressions and paths(rule.jq_path_expressions, [{}])
        except ApplicationError as error:
            fault = f"is no good: {error.message}"
        if fault:
            raise SettingsError(
                f"masking.rules[{number}] {fault}",
                where="the settings",
                remedy="docs/reference/settings.md lists every setting",
            )
        rules.append(rule)
    return MaskRules(tuple(rules), annotations_of(settings.masking.customizations), paths)


def open_store(settings: Settings) -> SqlStore:
    """The store of the state directory; raises StoreError."""
    return SqlStore.at(settings.state_dir, SystemClock(), key_file=settings.key_file)


def build(settings: Settings, around: Callable[[Edges], Edges] = lambda edges: edges) -> Running:
    """Make everything; raises SettingsError, InputError, StoreError. Sends nothing yet.

    `around` may put something around the edges before the engine gets them: what counts calls, say.
    """
    clock, paths = SystemClock(), JqPaths()
    checks, scripts = make_checks(settings), make_scripts(settings)
    masking = make_masking(settings, paths)
    settings.state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    store = open_store(settings)
    cluster = KubeCluster.connect(
        settings.cluster.kubeconfig,
        settings.cluster.context,
        store.installation,
        trust=Trust(programs=frozenset(settings.cluster.exec_programs)),
    )
    cluster.assume(load_builtin())
    if settings.cluster.impersonate:
        cluster.require_identity()
    repositories = make_repositories(settings, settings.state_dir / "mirrors")
    renderer = make_renderer(settings)
    comparing = make_comparing(settings, paths)
    edges = Edges(
        store, cluster, repositories, renderer, clock, comparing, checks, scripts, masking
    )
    edges = around(replace(edges, impersonate=settings.cluster.impersonate))
    service = Service(edges, settings.sync.workers)
    files = DeclaredFiles(settings.applications, service)
    scheduler = Scheduler(
        service.parts.registry.repositories,
        service.poll,
        files.review,
        settings.git.poll_interval,
        settings.git.poll_jitter_percent,
    )
    return Running(settings, service, scheduler, repositories, files, paths, checks, scripts, store)


def spare_collector() -> None:
    """Let the garbage collector pass over what is loaded by now: it stays, and is most there is.

    Of what comes later hardly anything is a cycle; it is looked at less often than by default.
    Called once by whoever runs a service as its process.
    """
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER, 20, 50)
