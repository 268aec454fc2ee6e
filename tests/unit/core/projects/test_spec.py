from typing import Any

import pytest

from gitops.core.projects.spec import is_project, parse_project, read_project
from gitops.errors import ApplicationError
from gitops.model.objects import Manifest, Place
from gitops.model.project import KindPattern, Project, ProjectDestination


def manifest(spec: Any = None, name: str = "shop", **more: Any) -> Manifest:
    body = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AppProject",
        "metadata": {"name": name},
        "spec": spec,
        **more,
    }
    return Manifest.of(body)


def test_every_limit_is_read() -> None:
    project, warnings = parse_project(
        manifest(
            {
                "description": "the shop",
                "sourceRepos": ["https://git.example.com/*", "!https://git.example.com/x"],
                "destinations": [{"server": "*", "namespace": "shop-*"}, {"name": "one"}],
                "clusterResourceWhitelist": [{"group": "", "kind": "Namespace", "name": "shop-*"}],
                "clusterResourceBlacklist": [{"group": "rbac.authorization.k8s.io", "kind": "*"}],
                "namespaceResourceWhitelist": [{"group": "apps", "kind": "*"}],
                "namespaceResourceBlacklist": [{"kind": "Secret"}],
            }
        )
    )
    assert warnings == ()
    assert project == Project(
        "shop",
        "the shop",
        ("https://git.example.com/*", "!https://git.example.com/x"),
        (ProjectDestination("*", "", "shop-*"), ProjectDestination("", "one", "")),
        (KindPattern("", "Namespace", "shop-*"),),
        (KindPattern("rbac.authorization.k8s.io", "*"),),
        (KindPattern("apps", "*"),),
        (KindPattern("", "Secret"),),
    )


def test_without_a_spec_hardly_anything_is_allowed() -> None:
    project, _ = parse_project(manifest())
    assert project == Project("shop")


def test_an_empty_list_of_kinds_is_no_kind() -> None:
    project, _ = parse_project(manifest({"namespaceResourceWhitelist": []}))
    assert project.namespace_resource_whitelist == ()


@pytest.mark.parametrize("field", ["roles", "signatureKeys", "sourceIntegrity", "sourceNamespaces"])
def test_what_is_not_used_yet_is_told(field: str) -> None:
    _, warnings = parse_project(manifest({field: [{"name": "x"}]}))
    (warning,) = warnings
    assert warning.startswith(f"spec.{field} has no effect here: not used yet: ")


def test_orphans_are_read_with_what_is_none() -> None:
    ignore = [{"kind": "ConfigMap", "name": "ca-*"}, {"group": "apps"}]
    project, warnings = parse_project(
        manifest({"orphanedResources": {"warn": True, "ignore": ignore}})
    )
    assert warnings == ()
    assert project.warns_of_orphans
    assert project.orphans_ignored == (
        KindPattern("", "ConfigMap", "ca-*"),
        KindPattern("apps", "", ""),
    )


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            {"orphanedResources": {"ignore": [{"kind": "["}]}},
            "spec.orphanedResources.ignore[0].kind '[' is not a glob",
        ),
        ({"sourceRepo": []}, "spec.sourceRepo is not a known field; the nearest is"),
        ({"sourceRepos": ["!*"]}, "spec.sourceRepos[0] is '!*', which denies everything"),
        ({"sourceRepos": ["{a"]}, "spec.sourceRepos[0] '{a' is not a glob that can be read"),
        (
            {"destinations": [{"server": "*", "namespace": "!*"}]},
            "spec.destinations[0].namespace is '!*'",
        ),
        ({"destinations": [{"server": "!["}]}, "spec.destinations[0].server '![' is not a glob"),
        (
            {"clusterResourceWhitelist": [{"group": "apps"}]},
            "spec.clusterResourceWhitelist[0].kind is missing",
        ),
        *(
            (
                {"destinationServiceAccounts": [{"server": "*", "defaultServiceAccount": account}]},
                "must be a name, or namespace:name",
            )
            for account in (" ", "a b", "*", "a:b:c", ":a", "a:", "!a", "a/b", "A")
        ),
        (
            {"destinationServiceAccounts": [{"server": "*", "defaultServiceAccount": ""}]},
            "spec.destinationServiceAccounts[0].defaultServiceAccount is empty",
        ),
        ({"permitOnlyProjectScopedClusters": True}, "is not supported yet"),
    ],
)
def test_what_cannot_be_used_is_one_sentence(spec: dict[str, Any], message: str) -> None:
    with pytest.raises(ApplicationError) as caught:
        parse_project(manifest(spec))
    assert message in caught.value.message
    assert caught.value.message.startswith("AppProject shop: ")
    assert caught.value.remedy == "docs/reference/projects.md lists every field"


@pytest.mark.parametrize("account", ["deployer", "ops:deployer", "a.b-1"])
def test_an_account_may_name_its_namespace(account: str) -> None:
    entry = {"server": "*", "namespace": "shop", "defaultServiceAccount": account}
    project, warnings = parse_project(manifest({"destinationServiceAccounts": [entry]}))
    assert warnings == ()
    assert [one.account for one in project.destination_service_accounts] == [account]


def test_a_name_is_as_kubernetes_has_names() -> None:
    with pytest.raises(ApplicationError, match=r"metadata\.name 'The shop' must be lower-case"):
        parse_project(manifest(name="The shop"))


def test_a_fault_names_its_place() -> None:
    body = {"apiVersion": "gitops.dev/v1alpha1", "kind": "AppProject", "metadata": {}}
    with pytest.raises(ApplicationError) as caught:
        parse_project(Manifest.of(body, Place("projects.yaml", 3)))
    assert caught.value.where == "projects.yaml:3"
    assert caught.value.message == "AppProject without a name: metadata.name is missing"
    project, faults, _ = read_project(Manifest.of(body))
    assert project is None
    assert [fault.code for fault in faults] == ["missing-field"]


@pytest.mark.parametrize(
    ("api_version", "kind", "expected"),
    [
        ("gitops.dev/v1alpha1", "AppProject", True),
        ("argoproj.io/v1alpha1", "AppProject", True),
        ("argoproj.io/v1alpha1", "Application", False),
        ("other.dev/v1alpha1", "AppProject", False),
    ],
)
def test_a_project_is_known_by_version_and_kind(
    api_version: str, kind: str, *, expected: bool
) -> None:
    assert is_project(Manifest.of({"apiVersion": api_version, "kind": kind})) is expected
