from typing import Any

import pytest

from gitops.core.planning.label_selectors import read_selector
from gitops.core.planning.selecting import choose
from gitops.errors import GitopsError, InputError
from gitops.model.objects import Manifest, ObjectId
from gitops.model.revision import Selection
from tests.helpers.case_tables import table

GIT = {
    "apps/v1 Deployment web": {"tier": "web"},
    "apps/v1 Deployment db": {"tier": "data"},
    "v1 Service web": {"tier": "web", "public": "yes"},
    "v1 ConfigMap words": {},
    "batch/v1 Job migrate": {"tier": "web"},
}
HOOKS = {"migrate": {"gitops.dev/hook": "PreSync"}}
OLD = ObjectId("", "ConfigMap", "shop", "old")
LABELS = {
    "a": {"env": "dev", "tier": "web"},
    "b": {"env": "prod", "shop.io/tier": "web"},
    "c": {"env": ""},
    "d": {},
}


def desired() -> list[Manifest]:
    found = []
    for text, labels in GIT.items():
        version, kind, name = text.split()
        metadata = {
            "name": name,
            "namespace": "shop",
            "labels": labels,
            "annotations": HOOKS.get(name, {}),
        }
        found.append(Manifest.of({"apiVersion": version, "kind": kind, "metadata": metadata}))
    return found


@pytest.mark.parametrize("case", table(__file__, "selections.yaml"))
def test_what_somebody_writes_chooses_objects(case: dict[str, Any]) -> None:
    selection = Selection(tuple(case.get("resources", ())), tuple(case.get("labels", ())))
    manifests = desired()
    owned = {manifest.id for manifest in manifests} | {OLD}
    if "error" in case:
        with pytest.raises(GitopsError) as caught:
            choose(selection, manifests, owned)
        assert str(caught.value) == case["error"]
        return
    found = choose(selection, manifests, owned)
    assert sorted(f"{one.kind} {one.name}" for one in found) == case["chosen"]


@pytest.mark.parametrize("case", table(__file__, "labels.yaml"))
def test_a_selector_is_met_as_kubectl_has_it(case: dict[str, Any]) -> None:
    if "fault" in case:
        with pytest.raises(InputError) as caught:
            read_selector(case["selector"])
        said = f'"{case["selector"]}" is no label selector: {case["fault"]}'
        assert caught.value.message == said
        assert "kubectl" in str(caught.value.remedy)
        return
    requirements = read_selector(case["selector"])
    found = [
        name
        for name, labels in LABELS.items()
        if all(requirement.is_met(labels) for requirement in requirements)
    ]
    assert " ".join(found) == case["meet"]
