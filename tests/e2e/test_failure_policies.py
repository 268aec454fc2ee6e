"""What one bad object means for the others: `spec.syncPolicy.failurePolicy`, on a real server."""

import pytest

from gitops.model.revision import Revision, RevisionState
from tests.helpers.service import config_map, deployment
from tests.helpers.walk import Walk, outcomes

BAD = deployment("bad").replace("replicas: 1", "replicas: many")
QUOTA = """\
apiVersion: v1
kind: ResourceQuota
metadata: {name: few}
spec: {hard: {count/configmaps: 2}}
"""


def waved(text: str, wave: int) -> str:
    mark = f"metadata:\n  annotations: {{gitops.dev/sync-wave: '{wave}'}}\n"
    return text.replace("metadata:\n", mark, 1)


def begin(walk: Walk, policy: str) -> Revision:
    """Objects of three waves, of which the middle one holds two that cannot be."""
    walk.world.repo.write("app/early.yaml", waved(config_map("early"), -1))
    walk.world.repo.write("app/same.yaml", config_map("same"))
    walk.world.repo.write("app/bad.yaml", BAD)
    walk.world.repo.write("app/worse.yaml", BAD.replace("bad", "worse"))
    walk.world.repo.write("app/late.yaml", waved(config_map("late"), 1))
    walk.push("Start")
    walk.world.declare(syncPolicy={"failurePolicy": policy, "retry": {"limit": 0}})
    return walk.world.closed()


def maps(walk: Walk) -> list[str]:
    names = walk.get("configmaps", ".items[*].metadata.name").split()
    return [name for name in names if name != "kube-root-ca.crt"]


@pytest.mark.parametrize(
    ("policy", "made"),
    [
        ("atomic", []),
        ("perWave", ["early"]),
        ("bestEffort", ["early", "late", "same"]),
    ],
)
def test_what_has_no_fault_is_applied_as_the_policy_says(
    walk: Walk, policy: str, made: list[str]
) -> None:
    first = begin(walk, policy)
    assert (first.state, first.healthy) == (RevisionState.FAILED, False)
    assert maps(walk) == made
    assert all(f"app/{name}.yaml" in first.message for name in ("bad", "worse")), first.message
    if made:
        failed = {name for name, how in outcomes(first).items() if how == "failed"}
        assert failed == {"Deployment/bad", "Deployment/worse"}
    assert walk.at_rest("demo").sync == "OutOfSync"
    walk.path("app/worse.yaml").unlink()
    mended = walk.change("demo", "app/bad.yaml", "replicas: many", "replicas: 1")
    assert mended.healthy, walk.world.story()
    assert maps(walk) == ["early", "late", "same"]


def test_nothing_is_deleted_while_something_cannot_be_applied(walk: Walk) -> None:
    walk.world.repo.write("app/old.yaml", config_map("old"))
    walk.push("Start")
    walk.world.declare(syncPolicy={"failurePolicy": "bestEffort"})
    assert walk.world.closed().healthy
    walk.path("app/old.yaml").unlink()
    walk.world.repo.write("app/new.yaml", config_map("new"))
    walk.world.repo.write("app/bad.yaml", BAD)
    second = walk.publish("demo")
    assert outcomes(second) == {
        "ConfigMap/new": "created", "ConfigMap/old": "skipped", "Deployment/bad": "failed",
    }  # fmt: skip
    assert maps(walk) == ["new", "old"]


def test_what_the_api_server_refuses_late_stops_no_other_object(walk: Walk) -> None:
    walk.kubectl("-n", walk.namespace, "apply", "-f", "-", input=QUOTA)
    used = "jsonpath={.status.used.count/configmaps}=1"
    walk.kubectl.wait(used, "-n", walk.namespace, "quota/few")
    walk.world.repo.write("app/0.yaml", config_map("one"))
    walk.world.repo.write("app/1.yaml", config_map("two"))
    walk.world.repo.write("app/2.yaml", waved(deployment(), 1))
    walk.push("Start")
    walk.world.declare(syncPolicy={"failurePolicy": "bestEffort", "retry": {"limit": 0}})
    first = walk.world.closed()
    assert first.state is RevisionState.FAILED
    assert sorted(outcomes(first).values()) == ["created", "created", "failed"]
    assert walk.exists("deployment/web")
