"""Marks that are not ours to give: in Git they count for nothing, on our objects they are drift.

An object belongs to the application whose inventory has it, whatever its annotations say.
"""

import json

from gitops.core.ownership.marks import INSTALLATION_LABEL, TRACKING_ANNOTATION
from gitops.model.revision import RevisionKind, RevisionState
from tests.helpers.controlplane import Kubectl
from tests.helpers.service import World, config_map

FOREIGN = "0badcafe"


def marked(name: str, tracking: str, installation: str = FOREIGN, **more: str) -> str:
    """A ConfigMap in Git that bears marks."""
    body = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": name,
            "labels": {INSTALLATION_LABEL: installation},
            "annotations": {TRACKING_ANNOTATION: tracking, **more},
        },
    }
    return json.dumps(body)


def marks(world: World, kubectl: Kubectl, name: str) -> tuple[str, str]:
    """Who manages a live object by its marks: tracking and installation."""
    found = kubectl.json("-n", world.namespace, "get", "configmap", name)["metadata"]
    return found["annotations"][TRACKING_ANNOTATION], found["labels"][INSTALLATION_LABEL]


def test_marks_written_in_git_are_replaced_by_our_own(world: World, kubectl: Kubectl) -> None:
    world.repo.write("app/a.yaml", marked("other-app", f"other:/ConfigMap:{world.namespace}/a"))
    world.repo.write("app/b.yaml", marked("other-object", "demo:/Secret:kube-system/b"))
    world.repo.write("app/c.yaml", marked("odd", "::\u0000\U0001f600" + "x" * 5000, "1"))
    world.repo.write("app/d.yaml", config_map("plain"))
    world.repo.commit("Marks of all sorts")
    world.repo.push()
    world.declare()
    world.settled()
    installation = world.service.parts.store.installation
    for name in ("other-app", "other-object", "odd", "plain"):
        ours = (f"demo:/ConfigMap:{world.namespace}/{name}", installation)
        assert marks(world, kubectl, name) == ours


def tamper(world: World, kubectl: Kubectl, **labels: str) -> tuple[str, str]:
    """Say on a live object of ours that it is another application's; its marks before."""
    before = marks(world, kubectl, "words")
    annotations = {TRACKING_ANNOTATION: before[0].replace("demo:", "other:")}
    body = {"metadata": {"labels": labels, "annotations": annotations}}
    kubectl("-n", world.namespace, "patch", "configmap", "words", "-p", json.dumps(body))
    return before


def test_another_application_s_name_on_our_object_is_drift(world: World, kubectl: Kubectl) -> None:
    world.push("app/words.yaml", config_map())
    world.declare()
    world.settled()
    before = tamper(world, kubectl)
    healed = world.closed(number=2)
    assert (healed.kind, healed.state) == (RevisionKind.HEAL, RevisionState.SUCCEEDED)
    assert marks(world, kubectl, "words") == before
    world.settled()


def test_two_installations_do_not_fight_over_an_object(world: World, kubectl: Kubectl) -> None:
    world.push("app/words.yaml", config_map())
    world.declare()
    world.settled()
    tamper(world, kubectl, **{INSTALLATION_LABEL: FOREIGN})
    theirs = f'it belongs to the application "other" of the installation {FOREIGN}'
    world.wait_for(lambda: theirs in world.status().message, "the other installation")
    assert world.status().sync == "OutOfSync"
    assert marks(world, kubectl, "words")[1] == FOREIGN
    world.push("app/words.yaml", config_map(word="two"))
    world.refresh()
    refused = world.closed(number=2)
    assert refused.state is RevisionState.FAILED
    assert theirs in refused.message


def test_annotations_beyond_the_limit_are_one_short_sentence(world: World) -> None:
    world.push("app/words.yaml", marked("words", "demo", example="x" * 300_000))
    world.declare()
    refused = world.closed()
    assert refused.state is RevisionState.FAILED
    fault = "metadata.annotations: Too long"
    for message in (refused.message, world.message(fault)):
        assert fault in message
        assert len(message) < 400
