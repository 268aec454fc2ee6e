"""The walk through `ingress-nginx`: a chart in the repository, with values of the application."""

import yaml

from gitops.model.revision import RevisionKind, RevisionState
from tests.helpers.walk import Walk, outcomes

APP = "ingress-nginx"


def room(walk: Walk) -> str:
    return walk.names["namespace: ingress-nginx"].removeprefix("namespace: ")


def release(walk: Walk) -> str:
    return walk.names["releaseName: ingress-nginx"].removeprefix("releaseName: ")


def take(walk: Walk, **spec: object) -> str:
    walk.copy(APP)
    values = walk.path(f"{APP}/values.yaml")
    values.write_text(values.read_text().replace("  name: nginx", f"  name: nginx-{release(walk)}"))
    walk.push("Add the chart")
    walk.declare(walk.declaration(APP, **spec))
    first = walk.world.closed(APP, 1)
    assert first.healthy, walk.world.story()
    return f"{release(walk)}-controller"


def values(walk: Walk, **controller: object) -> str:
    """The application's declaration with other values for the controller."""
    body = yaml.safe_load(walk.declaration(APP))
    body["spec"]["source"]["helm"]["valuesObject"]["controller"] |= controller
    return yaml.safe_dump(body)


def test_the_chart_is_rendered_with_the_applications_values(walk: Walk) -> None:
    name = take(walk)
    assert (
        walk.get(f"daemonset/{name}", ".spec.template.spec.nodeSelector.ingress", room(walk))
        == "true"
    )
    assert walk.get(f"configmap/{name}", ".data.proxy-body-size", room(walk)) == "32m"
    assert walk.get(f"daemonset/{name}", ".status.numberReady", room(walk)) == "2"
    assert walk.exists(f"clusterrole/{release(walk)}")


def test_hooks_run_before_the_sync_and_clean_up_after_themselves(walk: Walk) -> None:
    take(walk)
    told = [e.message for e in walk.world.events if e.kind == "outcome"]
    jobs = [n for n, message in enumerate(told) if message.startswith("Job ")]
    sets = [n for n, message in enumerate(told) if message.startswith("DaemonSet ")]
    assert jobs[0] < sets[0]
    assert not walk.exists(f"job/{release(walk)}-admission-create", room(walk)), "hook-succeeded"
    assert not walk.exists(f"role/{release(walk)}-admission", room(walk))


def test_values_changed_by_commit_and_in_the_application_both_count(walk: Walk) -> None:
    name = take(walk)
    second = walk.change(APP, f"{APP}/values.yaml", "tag: v1.11.3", "tag: v1.12.0")
    assert second.healthy
    assert walk.get(
        f"daemonset/{name}", ".spec.template.spec.containers[0].image", room(walk)
    ).endswith("v1.12.0")
    third = walk.after(APP, lambda: walk.declare(values(walk, config={"proxy-body-size": "64m"})))
    assert third.healthy
    assert walk.live(f"configmap/{name}", room(walk))["data"] == {"proxy-body-size": "64m"}


def test_what_the_values_no_longer_render_is_pruned(walk: Walk) -> None:
    name = take(walk)
    second = walk.after(
        APP, lambda: walk.declare(values(walk, kind="Deployment", hostNetwork=False))
    )
    assert second.healthy, second.message
    found = outcomes(second)
    assert found[f"DaemonSet/{name}"] == "deleted"
    assert found[f"Deployment/{name}"] == found[f"Service/{name}"] == "created"
    assert not walk.exists(f"daemonset/{name}", room(walk))


def test_cluster_wide_objects_drift_and_go_with_the_application(walk: Walk) -> None:
    take(walk)
    role = f"clusterrole/{release(walk)}"
    heal = walk.after(APP, lambda: walk.kubectl("delete", role))
    assert (heal.kind, heal.state) == (RevisionKind.HEAL, RevisionState.SUCCEEDED)
    assert walk.exists(role)
    walk.settled(APP)
    done = walk.delete(APP)
    assert done.data["state"] == "succeeded", done
    assert not walk.exists(role)
    assert walk.exists(f"namespace/{room(walk)}"), "CreateNamespace=true makes it nobody's"


def test_a_chart_that_does_not_render_is_one_failed_revision_and_all_keeps_running(
    walk: Walk,
) -> None:
    name = take(walk)
    failed = walk.change(APP, f"{APP}/templates/configmap.yaml", "{{- end }}", "{{- ende }}")
    assert failed.state is RevisionState.FAILED
    assert "configmap.yaml" in failed.message
    assert walk.exists(f"daemonset/{name}", room(walk))
    walk.poll()
    walk.at_rest(APP)
    assert walk.newest(APP).number == 2, "one revision for one commit, not one a poll"
