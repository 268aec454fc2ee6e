import pytest

from gitops.core.planning.guards import ALLOWED, Refused
from gitops.core.planning.permitting import permit, permit_child
from gitops.model.application import Application
from gitops.model.objects import Manifest
from gitops.model.project import UNLIMITED, KindPattern, Project, ProjectDestination

WEB = Application("web", ())
SHOP = Project("shop", destinations=(ProjectDestination("*", "", "shop"),))


def config_map(namespace: str) -> Manifest:
    metadata = {"name": "words", "namespace": namespace}
    return Manifest.of({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata})


def child(spec: object) -> Manifest:
    return Manifest.of(
        {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Application",
            "metadata": {"name": "child"},
            "spec": spec,
        }
    )


def test_an_object_is_written_where_its_project_allows_it() -> None:
    assert permit(WEB, SHOP, config_map("shop")) is ALLOWED
    refused = permit(WEB, SHOP, config_map("other"))
    assert refused == Refused('the project "shop" does not allow the namespace other')


@pytest.mark.parametrize("spec", [{"project": "shop"}, {"project": "other"}, {}, None])
def test_an_unlimited_project_declares_applications_of_any(spec: object) -> None:
    assert permit_child(UNLIMITED, child(spec)) is ALLOWED


def test_a_child_stays_in_its_parents_project() -> None:
    assert permit_child(SHOP, child({"project": "shop"})) is ALLOWED
    for spec, named in (({"project": "other"}, "other"), ({}, "default"), (None, "default")):
        verdict = permit_child(SHOP, child(spec))
        assert isinstance(verdict, Refused)
        assert f'it names the project "{named}"' in verdict.reason
        assert 'of the project "shop" declare stays in that' in verdict.reason


def test_a_project_may_forbid_to_declare_applications() -> None:
    closed = Project("shop", namespace_resource_blacklist=(KindPattern("*", "Application"),))
    assert permit_child(closed, child({"project": "shop"})) == Refused(
        'the project "shop" does not allow the namespaced kind argoproj.io/Application'
    )
