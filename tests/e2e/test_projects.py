"""Projects: what applications may use, kept at the moment of planning, on a real cluster."""

from typing import Any

import pytest
import yaml

from gitops.engine.declaring.deleting import DeleteOptions
from gitops.engine.operations import RollbackOptions
from gitops.errors import ConflictError
from gitops.model.revision import RevisionState
from tests.helpers.service import BY_HAND, World, config_map
from tests.helpers.walk import Walk, outcomes

QUOTA = """\
apiVersion: v1
kind: ResourceQuota
metadata:
  name: limits
spec:
  hard: {configmaps: "50"}
"""
ROLE = """\
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: NAME
rules: []
"""


def project(world: World, name: str = "shop", **spec: Any) -> str:
    """A project that allows the test's repository and namespace, but for what is given."""
    body = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AppProject",
        "metadata": {"name": name},
        "spec": {
            "sourceRepos": ["*"],
            "destinations": [{"name": "in-cluster", "namespace": world.namespace}],
            **spec,
        },
    }
    return yaml.safe_dump(body)


def problem(walk: Walk, name: str, text: str) -> None:
    """Wait until an application says why it is not looked at."""
    walk.world.wait_for(lambda: text in walk.world.status(name).message, text)


def test_a_project_that_does_not_exist_is_said_and_its_declaration_lets_go(walk: Walk) -> None:
    walk.world.push("app/words.yaml", config_map())
    walk.world.declare("demo", project="shop")
    problem(walk, "demo", 'the project "shop" does not exist')
    assert walk.world.status("demo").sync == "Unknown"
    assert walk.service.reading.revisions("demo") == []
    walk.declare(project(walk.world))
    assert walk.world.closed("demo", 1).state is RevisionState.SUCCEEDED
    assert walk.settled("demo").message == ""


@pytest.mark.parametrize(
    ("limits", "told"),
    [
        ({"sourceRepos": ["https://git.example.com/**"]}, "does not allow the repository"),
        ({"destinations": [{"server": "*", "namespace": "other"}]}, "does not allow the destin"),
    ],
)
def test_source_and_destination_are_looked_at_first_and_a_change_counts_at_once(
    walk: Walk, limits: dict[str, Any], told: str
) -> None:
    walk.world.push("app/words.yaml", config_map())
    walk.declare(project(walk.world, **limits))
    walk.world.declare("demo", project="shop")
    problem(walk, "demo", told)
    with pytest.raises(ConflictError, match=told):
        walk.service.reading.plan("demo")
    assert walk.world.sync("demo").data["error"]["code"] == "conflict"
    assert not walk.exists("configmap/words")
    walk.declare(project(walk.world))
    walk.settled("demo")
    assert walk.exists("configmap/words")


def test_a_kind_that_is_not_allowed_stops_the_sync_until_the_project_allows_it(walk: Walk) -> None:
    walk.declare(project(walk.world, namespaceResourceBlacklist=[{"kind": "ResourceQuota"}]))
    walk.world.repo.write("app/quota.yaml", QUOTA)
    walk.world.push("app/words.yaml", config_map())
    walk.world.declare("demo", project="shop")
    first = walk.world.closed("demo", 1)
    assert first.state is RevisionState.FAILED
    assert 'the project "shop" does not allow the namespaced kind ResourceQuota' in first.message
    assert not walk.exists("configmap/words")
    walk.declare(project(walk.world))
    walk.settled("demo")
    assert walk.exists("resourcequota/limits")


def test_other_namespaces_and_kinds_without_one_are_refused_before_the_cluster_is_asked(
    walk: Walk,
) -> None:
    walk.declare(project(walk.world))
    role = f"role-{walk.namespace}"
    walk.world.repo.write("app/role.yaml", ROLE.replace("NAME", role))
    stray = config_map("stray").replace("  name: stray", "  name: stray\n  namespace: kube-system")
    walk.world.push("app/stray.yaml", stray)
    walk.world.declare("demo", project="shop", syncPolicy={"automated": {"enabled": False}})
    faults = walk.service.reading.plan("demo").plan.faults
    assert [(fault.code, fault.message) for fault in faults] == [
        (
            "not-permitted",
            (
                f'ClusterRole {role}: the project "shop" does not allow the cluster-wide kind '
                "rbac.authorization.k8s.io/ClusterRole"
            ),
        ),
        (
            "not-permitted",
            (
                'ConfigMap kube-system/stray: the project "shop" does not allow the namespace '
                "kube-system"
            ),
        ),
    ]


def test_hooks_are_measured_too(walk: Walk) -> None:
    walk.declare(project(walk.world, namespaceResourceWhitelist=[{"kind": "ConfigMap"}]))
    hook = QUOTA.replace(
        "  name: limits", "  generateName: run-\n  annotations: {argocd.argoproj.io/hook: PreSync}"
    )
    walk.world.repo.write("app/hook.yaml", hook)
    walk.world.push("app/words.yaml", config_map())
    walk.world.declare("demo", project="shop")
    first = walk.world.closed("demo", 1)
    assert first.state is RevisionState.FAILED
    assert "does not allow the namespaced kind ResourceQuota" in first.message


def test_a_rollback_brings_back_nothing_that_is_not_allowed_any_more(walk: Walk) -> None:
    walk.declare(project(walk.world))
    walk.world.repo.write("app/quota.yaml", QUOTA)
    walk.world.push("app/words.yaml", config_map())
    walk.world.declare("demo", project="shop", syncPolicy={"pruneBudget": {"maxObjects": -1}})
    walk.settled("demo")
    walk.world.repo.remove("app/quota.yaml")
    walk.publish("demo", "Drop the quota")
    assert not walk.exists("resourcequota/limits")
    walk.declare(project(walk.world, namespaceResourceBlacklist=[{"kind": "ResourceQuota"}]))
    after = walk.service.events.newest
    ticket = walk.service.rollback("demo", RollbackOptions(1), BY_HAND)
    done = walk.service.outcome_of("demo", ticket, after, 60)
    assert done is not None
    assert done.data["state"] == "failed"
    assert "does not allow the namespaced kind ResourceQuota" in done.message
    assert not walk.exists("resourcequota/limits")


def test_what_is_not_allowed_any_more_is_neither_pruned_nor_deleted(walk: Walk) -> None:
    walk.declare(project(walk.world))
    walk.world.repo.write("app/quota.yaml", QUOTA)
    walk.world.push("app/words.yaml", config_map())
    walk.world.declare("demo", project="shop")
    walk.settled("demo")
    walk.declare(project(walk.world, namespaceResourceBlacklist=[{"kind": "ResourceQuota"}]))
    walk.world.repo.remove("app/quota.yaml")
    pruned = walk.publish("demo", "Drop the quota")
    assert outcomes(pruned)["ResourceQuota/limits"] == "skipped"
    walk.world.message("requires pruning: the project", "demo")
    assert walk.world.status("demo").sync == "OutOfSync"
    assert walk.delete("demo", DeleteOptions()).data["state"] == "succeeded"
    assert walk.exists("resourcequota/limits")
    assert not walk.exists("configmap/words")


def test_an_application_of_a_limited_project_declares_none_of_another(walk: Walk) -> None:
    walk.declare(project(walk.world))
    text = walk.world.application("escaped", "child")
    walk.world.repo.write("apps/escaped.yaml", text)
    walk.world.push("child/words.yaml", config_map())
    walk.world.declare("apps", "apps", project="shop")
    first = walk.world.closed("apps", 1)
    assert first.state is RevisionState.FAILED
    assert 'it names the project "default"' in first.message
    assert walk.service.parts.registry.find("escaped") is None
    walk.world.push("apps/escaped.yaml", walk.world.application("escaped", "child", project="shop"))
    walk.poll()
    walk.world.closed("apps", 2)
    walk.settled("escaped")


def test_projects_of_files_and_of_the_api_live_through_a_restart(walk: Walk) -> None:
    walk.world.push("app/words.yaml", config_map())
    walk.declare(project(walk.world) + "---\n" + walk.world.application("demo", project="shop"))
    walk.settled("demo")
    walk.world.restart()
    walk.settled("demo")
    declared = walk.service.parts.projects.get("shop")
    assert (declared.origin.kind, declared.project.source_repos) == ("api", ("*",))
    with pytest.raises(ConflictError, match='the project "shop" is that of demo'):
        walk.service.declarer.projects.delete("shop", BY_HAND)
    assert walk.delete("demo", DeleteOptions("orphan")).data["state"] == "succeeded"
    walk.service.declarer.projects.delete("shop", BY_HAND)
    assert walk.service.parts.projects.find("shop") is None
    assert walk.service.parts.store.registered() == {}
    assert walk.service.reading.verify(None).faults == ()
