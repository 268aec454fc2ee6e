"""Where a rollback goes, and where it does not."""

import pytest

from gitops.engine.operations import SyncOptions
from gitops.model.revision import RevisionKind, RevisionState
from tests.helpers.controlplane import eventually
from tests.helpers.service import BY_HAND, config_map
from tests.helpers.walk import Walk, outcomes

ASKED = 'gitops.dev/hook-on-rollback: "true"'
JOB = """\
apiVersion: batch/v1
kind: Job
metadata:
  name: {name}
  annotations:
    gitops.dev/hook: {phase}
spec:
  backoffLimit: 0
  template:
    spec:
      restartPolicy: Never
      containers: [{{name: work, image: "registry.example/work:v1"}}]
"""
POLICY = {
    "healthDeadline": "60s",
    "timeout": "90s",
    "retry": {"limit": 0},
    "rollback": {"automatic": True},
}


@pytest.fixture
def walk(walk_as_annotated: Walk) -> Walk:
    return walk_as_annotated


def job(name: str, phase: str) -> str:
    return JOB.format(name=name, phase=phase)


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


def test_an_automatic_rollback_runs_the_hooks_that_ask_for_it(walk: Walk) -> None:
    for name, phase in (("before", "PreSync"), ("after", "PostSync"), ("asked", "PreSync")):
        walk.world.repo.write(f"app/{name}.yaml", job(name, phase))
    walk.edit("app/asked.yaml", "annotations:", f"annotations:\n    {ASKED}")
    walk.world.push("app/words.yaml", config_map())
    walk.world.declare(syncPolicy=POLICY)
    assert walk.world.closed().healthy
    walk.world.push("app/words.yaml", sick("bad"))
    walk.poll()
    back = walk.world.closed(number=3)
    assert (back.kind, back.state) == (RevisionKind.ROLLBACK, RevisionState.SUCCEEDED)
    assert outcomes(back) == {"Job/asked": "created", "ConfigMap/words": "configured"}


def test_what_is_tried_beside_git_is_quarantined_and_git_s_own_is_not(walk: Walk) -> None:
    walk.world.push("app/words.yaml", config_map())
    walk.world.declare(syncPolicy=POLICY | {"automated": {"enabled": False}})
    walk.world.sync()
    good = walk.world.closed()
    assert good.healthy
    walk.world.repo.switch("feature").write("app/words.yaml", sick("bad"))
    feature = walk.push("A feature")
    walk.world.sync(options=SyncOptions(commit=feature))
    tried, back = walk.world.closed(number=2), walk.world.closed(number=3)
    assert (tried.state, back.digest) == (RevisionState.FAILED, good.digest)
    state = walk.service.edges.store.state("demo")
    assert (state.quarantine, state.pin and state.pin.digest) == ({tried.digest}, good.digest)
    walk.world.repo.switch("main").write("app/words.yaml", sick("worse"))
    walk.push("Something new")
    walk.service.refresh("demo", BY_HAND)
    walk.world.wait_for(lambda: walk.world.status().pin is None, "the end of the pin")
    walk.world.sync()
    again = walk.world.closed(number=5)
    assert (again.kind, again.digest) == (RevisionKind.ROLLBACK, good.digest)


def test_what_is_tried_beside_git_is_rolled_back_after_a_restart_too(walk: Walk) -> None:
    by_hand = POLICY | {"automated": {"enabled": False}}
    walk.world.push("app/words.yaml", config_map())
    walk.world.declare(syncPolicy=by_hand | {"rollback": {"automatic": False}})
    walk.world.sync()
    good = walk.world.closed()
    walk.world.repo.switch("feature").write("app/words.yaml", sick("bad"))
    walk.world.sync(options=SyncOptions(commit=walk.push("A feature")))
    tried = walk.world.closed(number=2)
    assert tried.state is RevisionState.FAILED
    walk.world.declare(syncPolicy=by_hand)
    assert walk.at_rest("demo").revision == 2, "as if it had been killed before it went back"
    walk.world.restart()
    back = walk.world.closed(number=3)
    assert (back.kind, back.digest) == (RevisionKind.ROLLBACK, good.digest)
    assert walk.service.edges.store.state("demo").quarantine == {tried.digest}


DEFINITION = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {{name: widgets.{group}}}
spec:
  group: {group}
  scope: Namespaced
  names: {{plural: widgets, singular: widget, kind: Widget}}
  versions:
  - {{name: v1, served: {old}, storage: false, schema: {{openAPIV3Schema: {{type: object}}}}}}
  - {{name: v2, served: true, storage: true, schema: {{openAPIV3Schema: {{type: object}}}}}}
"""


def define(walk: Walk, group: str, *, old: bool) -> None:
    """Have Widgets as v2, and as v1 where it is still served, and wait until that is known."""
    walk.kubectl.apply(DEFINITION.format(group=group, old=str(old).lower()))

    def is_known() -> bool:
        found = walk.kubectl("api-versions").split()
        return (f"{group}/v2" in found) and (f"{group}/v1" in found) is old

    eventually(is_known, f"Widgets of {group}")


def outlive(walk: Walk, group: str, metadata: str) -> None:
    """Sync a Widget as v1, then push it as v2, with something bad, once v1 is not served."""
    define(walk, group, old=True)
    widget = f"apiVersion: {group}/v1\nkind: Widget\nmetadata: {metadata}\n"
    walk.world.repo.write("app/widget.yaml", widget)
    walk.world.push("app/words.yaml", config_map())
    walk.world.declare(syncPolicy=POLICY)
    assert walk.world.closed().healthy
    define(walk, group, old=False)
    walk.edit("app/widget.yaml", "/v1", "/v2")
    walk.edit("app/words.yaml", config_map(), sick("bad"))
    walk.push("Move on")
    walk.poll()


def test_hooks_of_what_is_no_longer_served_keep_no_rollback_that_runs_none(walk: Walk) -> None:
    group = f"{walk.namespace}.example.com"
    outlive(walk, group, "{name: before, annotations: {gitops.dev/hook: PreSync}}")
    back = walk.world.closed(number=3)
    assert (back.kind, back.state) == (RevisionKind.ROLLBACK, RevisionState.SUCCEEDED)
    assert f"Widget as {group}/v1" in walk.rollback("demo", 1).message, "by hand they run"
    walk.kubectl("delete", "crd", f"widgets.{group}")


def test_a_revision_that_the_cluster_no_longer_serves_is_not_brought_back(walk: Walk) -> None:
    group = f"{walk.namespace}.example.com"
    outlive(walk, group, "{name: one}")
    assert walk.world.closed(number=2).state is RevisionState.FAILED
    unserved = f"the cluster no longer serves Widget as {group}/v1, only as {group}/v2"
    walk.wait_told("demo", "rollback-failed", unserved)
    by_hand = walk.rollback("demo", 1)
    assert unserved in by_hand.message
    assert walk.kinds("demo") == [RevisionKind.SYNC] * 2
    assert walk.world.status().pin is None
    assert walk.get("configmap/words", ".data.word") == "bad", "nothing was written"
    walk.kubectl("delete", "crd", f"widgets.{group}")
