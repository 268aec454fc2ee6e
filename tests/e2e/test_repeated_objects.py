"""Objects that an application declares more than once: Argo CD's rule under its apiVersion."""

from gitops.model.revision import RevisionState
from tests.helpers.controlplane import Kubectl
from tests.helpers.service import BY_HAND, World, config_map


def test_under_argo_cd_s_version_the_last_of_equal_objects_is_applied(
    world: World, kubectl: Kubectl, namespace: str
) -> None:
    world.push("app/a.yaml", config_map("same", "one"))
    world.push("app/b.yaml", config_map("same", "two"))
    ours = world.application(syncPolicy={"automated": {}})
    argo = ours.replace("gitops.dev/v1alpha1", "argoproj.io/v1alpha1")
    world.service.declarer.create(argo, "test.yaml", BY_HAND.actor)
    assert world.closed().state is RevisionState.SUCCEEDED
    found = kubectl.json("-n", namespace, "get", "configmap", "same")
    assert "two" in found["data"].values()
    world.service.declarer.create(ours, "test.yaml", BY_HAND.actor)
    refused = world.closed(number=2)
    assert refused.state is RevisionState.FAILED
    assert world.message("declared twice")
