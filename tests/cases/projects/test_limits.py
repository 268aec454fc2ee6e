from pathlib import Path
from typing import Any

import pytest
import yaml

from gitops.core.projects.limits import allows_destination, allows_kind, allows_source
from gitops.core.projects.spec import parse_project
from gitops.model.application import Destination
from gitops.model.objects import GroupKind, Manifest
from gitops.model.project import Project, ProjectDestination

CASES = yaml.safe_load((Path(__file__).parent / "limits.yaml").read_text())


def rows(table: str) -> list[Any]:
    return [pytest.param(case, id=case["name"]) for case in CASES[table]]


@pytest.mark.parametrize("case", rows("sources"))
def test_a_repository_is_allowed_as_argo_cd_has_it(case: dict[str, Any]) -> None:
    project = Project("shop", source_repos=tuple(case["project"]))
    assert allows_source(project, case["asked"]) is case["allowed"]


@pytest.mark.parametrize("case", rows("destinations"))
def test_a_destination_is_allowed_as_argo_cd_has_it(case: dict[str, Any]) -> None:
    entries = tuple(ProjectDestination(*entry) for entry in case["project"])
    cluster, namespace = case["asked"]
    own = cluster == "https://kubernetes.default.svc"
    destination = Destination("in-cluster" if own else cluster, namespace)
    project = Project("shop", destinations=entries)
    assert allows_destination(project, destination, namespace) is case["allowed"]


@pytest.mark.parametrize("case", rows("kinds"))
def test_a_kind_is_allowed_as_argo_cd_has_it(case: dict[str, Any]) -> None:
    body = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AppProject",
        "metadata": {"name": "shop"},
        "spec": case["spec"],
    }
    project, _ = parse_project(Manifest.of(body))
    group, kind, name, namespaced = case["asked"]
    answer = allows_kind(project, GroupKind(group, kind), name, namespaced=namespaced)
    assert answer is case["allowed"]
