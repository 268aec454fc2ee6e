"""Where a rollback goes, and where it does not."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gitops.controlplane.processes import ControlPlane
from gitops.model.revision import RevisionKind, RevisionState
from tests.helpers.controlplane import Kubectl
from tests.helpers.service import config_map, start_world
from tests.helpers.walk import Walk

CHECK = """\
local told = (obj.metadata.annotations or {})["example.com/health"]
return {status = told or "Healthy", message = "so it says"}
"""
POLICY = {
    "healthDeadline": "60s",
    "timeout": "90s",
    "retry": {"limit": 0},
    "rollback": {"automatic": True},
}


@pytest.fixture
def walk(
    control_plane: ControlPlane, tmp_path: Path, namespace: str, kubectl: Kubectl
) -> Iterator[Walk]:
    """A service for which a ConfigMap is as healthy as its annotation says."""
    checks = {"customizations": {"resource.customizations.health.ConfigMap": CHECK}}
    with start_world(control_plane, tmp_path, namespace, health=checks) as world:
        yield Walk(world, kubectl)


def sick(word: str) -> str:
    """A ConfigMap that comes Degraded."""
    text = config_map().replace("word: one", f"word: {word}")
    return text.replace(
        "  name: words\n", "  name: words\n  annotations: {example.com/health: Degraded}\n"
    )


def test_after_two_bad_revisions_the_good_one_runs(walk: Walk) -> None:
    walk.world.push("app/words.yaml", config_map())
    walk.world.declare(syncPolicy=POLICY)
    good = walk.world.closed()
    assert good.healthy
    for number, word in ((2, "bad"), (4, "worse")):
        walk.world.push("app/words.yaml", sick(word))
        walk.poll()
        assert walk.world.closed(number=number).state is RevisionState.FAILED
        back = walk.world.closed(number=number + 1)
        assert (back.kind, back.state) == (RevisionKind.ROLLBACK, RevisionState.SUCCEEDED)
        assert back.digest == good.digest
        shown = walk.kubectl("-n", walk.namespace, "get", "configmap/words", "-o", "yaml")
        assert "word: one" in shown
