"""Git fails in every way it can: the state is clear, the last good one runs, and all recovers."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from gitops.controlplane.processes import ControlPlane
from gitops.model.revision import RevisionKind
from gitops.model.status import ApplicationStatus
from tests.helpers.controlplane import Kubectl
from tests.helpers.gitserver import Faults, HttpGit, serve_http
from tests.helpers.service import World, config_map, start_world


@dataclass
class Hosted:
    """A service that polls a repository over HTTP, several times a second."""

    world: World
    http: HttpGit
    kubectl: Kubectl

    def push(self, word: str) -> str:
        return self.world.push("app/words.yaml", config_map(word=word))

    def word(self) -> str:
        where = ("-n", self.world.namespace, "get", "configmap", "words", "--ignore-not-found")
        return self.kubectl(*where, "-o", "jsonpath={.data.word}")

    def problem(self, *parts: str) -> ApplicationStatus:
        """Wait until the status tells a problem that holds all of these parts."""

        def ask() -> ApplicationStatus | None:
            status = self.world.status()
            return status if all(part in status.message for part in parts) else None

        return self.world.wait_for(ask, f"a status with {parts}")

    def synced(self, word: str) -> ApplicationStatus:
        def ask() -> ApplicationStatus | None:
            status = self.world.status()
            good = status.sync == "Synced" and not status.message
            return status if good and not status.busy and self.word() == word else None

        return self.world.wait_for(ask, f"{word} in the cluster")

    def revisions(self) -> int:
        return len(self.world.service.parts.store.revisions("demo"))


@pytest.fixture
def hosted(
    control_plane: ControlPlane, kubectl: Kubectl, tmp_path: Path, namespace: str
) -> Iterator[Hosted]:
    (tmp_path / "git").mkdir()
    git = {"poll_interval": timedelta(milliseconds=300), "poll_timeout": timedelta(seconds=2)}
    with (
        serve_http(tmp_path / "git") as http,
        start_world(control_plane, tmp_path, namespace, git=git) as world,
    ):
        world.url = http.url(world.repo.remote.name)
        yield Hosted(world, http, kubectl)
        http.release()


@contextmanager
def failing(hosted: Hosted, **faults: object) -> Iterator[None]:
    """Let the server fail for a while."""
    for name, value in faults.items():
        setattr(hosted.http.faults, name, value)
    try:
        yield
    finally:
        hosted.http.faults = Faults()
        hosted.http.release()


@pytest.mark.parametrize(
    ("faults", "said"),
    [
        pytest.param({"status": 503}, "503", id="out of order"),
        pytest.param({"hang": True}, "2 s", id="hangs"),
        pytest.param({"page": "<html>sign in</html>"}, "names no branches", id="a web page"),
        pytest.param({"status": 404}, "not", id="not found"),
    ],
)
def test_git_going_away_is_told_and_what_runs_keeps_running(
    hosted: Hosted, faults: dict[str, object], said: str
) -> None:
    hosted.push("one")
    hosted.world.declare()
    hosted.synced("one")
    with failing(hosted, **faults):
        status = hosted.problem(hosted.world.url, said)
        assert (status.sync, status.health.status) == ("Unknown", "Healthy")
        hosted.push("two")
        hosted.kubectl("-n", hosted.world.namespace, "delete", "configmap", "words")
        healed = hosted.world.closed(number=2)
        assert healed.kind is RevisionKind.HEAL
        assert hosted.word() == "one"
        assert hosted.world.message(said)
    hosted.synced("two")
    assert hosted.revisions() == 3


def test_git_away_at_the_first_look_is_told_and_recovers_alone(hosted: Hosted) -> None:
    with failing(hosted, status=503):
        hosted.world.declare()
        status = hosted.problem("503")
        assert status.sync == "Unknown"
        assert hosted.revisions() == 0
    hosted.push("one")
    hosted.synced("one")
    assert hosted.revisions() == 1


def test_git_away_at_a_restart_leaves_what_is_known_of_the_mirror(hosted: Hosted) -> None:
    hosted.push("one")
    hosted.world.declare()
    hosted.synced("one")
    with failing(hosted, status=503):
        hosted.world.restart()
        status = hosted.problem("503")
        assert (status.sync, status.health.status) == ("Unknown", "Healthy")
        hosted.kubectl("-n", hosted.world.namespace, "delete", "configmap", "words")
        assert hosted.world.closed(number=2).kind is RevisionKind.HEAL
        assert hosted.word() == "one"
    hosted.push("two")
    hosted.synced("two")


@pytest.mark.parametrize("faults", [{"cut_after": 60}, {"garble": True}], ids=["cut", "garbled"])
def test_half_an_answer_changes_nothing_and_is_asked_for_again(
    hosted: Hosted, faults: dict[str, object]
) -> None:
    hosted.push("one")
    hosted.world.declare()
    hosted.synced("one")
    with failing(hosted, **faults):
        hosted.push("two")
        status = hosted.problem(hosted.world.url)
        assert (status.sync, status.health.status) == ("Unknown", "Healthy")
        assert hosted.word() == "one"
    hosted.synced("two")
    assert hosted.revisions() == 2


def test_a_force_push_is_followed_to_the_new_history(hosted: Hosted) -> None:
    hosted.push("one")
    hosted.world.declare()
    hosted.synced("one")
    hosted.push("two")
    hosted.synced("two")
    repo = hosted.world.repo
    repo.git("checkout", "-q", "--orphan", "other")
    sha = repo.write("app/words.yaml", config_map(word="three")).commit("Rewritten")
    repo.push("+other:main", force=True)
    status = hosted.synced("three")
    assert status.commit is not None
    assert status.commit.sha == sha
    assert hosted.world.closed(number=3).healthy


def test_a_force_push_back_to_what_runs_changes_nothing(hosted: Hosted) -> None:
    first = hosted.push("one")
    hosted.world.declare()
    hosted.synced("one")
    hosted.world.push("README.md", "Something that no application reads.\n")
    repo = hosted.world.repo
    repo.push(f"+{first}:refs/heads/main", force=True)

    def back() -> bool:
        commit = hosted.world.status().commit
        return commit is not None and commit.sha == first

    hosted.world.wait_for(back, "the commit before")
    hosted.synced("one")
    assert hosted.revisions() == 1


def test_a_deleted_branch_is_told_and_what_runs_keeps_running(hosted: Hosted) -> None:
    repo = hosted.world.repo
    hosted.push("one")
    repo.push("main:release")
    source = {"repoURL": hosted.world.url, "targetRevision": "release", "path": "app"}
    hosted.world.declare(source=source)
    hosted.synced("one")
    repo.delete("release")
    status = hosted.problem("release")
    assert (status.sync, status.health.status) == ("Unknown", "Healthy")
    hosted.kubectl("-n", hosted.world.namespace, "delete", "configmap", "words")
    assert hosted.world.closed(number=2).kind is RevisionKind.HEAL
    hosted.push("two")
    repo.push("main:release")
    hosted.synced("two")
    assert hosted.revisions() == 3


def test_a_moved_tag_is_followed(hosted: Hosted) -> None:
    repo = hosted.world.repo
    hosted.push("one")
    repo.tag("v1", message="Version 1").push()
    source = {"repoURL": hosted.world.url, "targetRevision": "v1", "path": "app"}
    hosted.world.declare(source=source)
    hosted.synced("one")
    hosted.push("two")
    repo.tag("v1", message="Version 1 again").push("+v1", force=True)
    hosted.synced("two")
    assert hosted.revisions() == 2
