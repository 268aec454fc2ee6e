"""examples-repo/: every system renders without a fault, and no object belongs to two of them."""

from dataclasses import replace
from pathlib import Path

import pytest

from gitops.cli.rendering import read_applications
from gitops.core.manifests.parse import parse_all
from gitops.core.manifests.scope import place, scopes
from gitops.core.planning.order import order
from gitops.model.application import Application
from gitops.model.objects import Manifest
from gitops.openapi.loader import load_builtin
from gitops.ports import RenderRequest
from gitops.render.folder import FolderCheckout
from gitops.render.renderer import ToolRenderer
from tests.helpers.tools import real_tools

EXAMPLES = Path(__file__).parents[2] / "examples-repo"
FILES = sorted((EXAMPLES / "applications").glob("*.yaml"))
NAMES = {
    *("kubia", "kubernetes-bootcamp", "tomcat", "mysql", "myblog", "two-pods"),
    *("workloads", "ingress-nginx"),
}


def application(file: Path) -> Application:
    (found,) = read_applications(file)
    return found


def manifests(application: Application) -> list[Manifest]:
    checkout = FolderCheckout(EXAMPLES)
    sources = tuple((source, checkout) for source in application.sources)
    rendered = ToolRenderer(real_tools()).render(RenderRequest(application, sources, "v1.36.3"))
    parsed = parse_all((text.path, text.text) for text in rendered.texts)
    assert not parsed.faults
    known = scopes(parsed.manifests, load_builtin().kinds)
    return order(place(parsed.manifests, known, application.destination.namespace))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_each_system_has_an_application_of_its_name_and_renders(file: Path) -> None:
    found = application(file)
    assert found.name == file.stem
    assert found.sources[0].path.split("/")[0] == file.stem
    assert manifests(found)


def test_every_system_is_there_and_told_in_the_readme() -> None:
    assert {file.stem for file in FILES} == NAMES
    readme = (EXAMPLES / "README.md").read_text()
    assert [name for name in NAMES if f"| `{name}` |" not in readme] == []


def test_no_object_belongs_to_two_systems() -> None:
    owners: dict[object, str] = {}
    for file in FILES:
        found = application(file)
        for manifest in manifests(found):
            assert owners.setdefault(manifest.id, found.name) == found.name


def test_dependencies_name_systems() -> None:
    for file in FILES:
        assert set(application(file).depends_on) <= NAMES


def test_the_staging_overlay_renders_beside_production() -> None:
    production = application(EXAMPLES / "applications" / "kubernetes-bootcamp.yaml")
    overlay = replace(production.sources[0], path="kubernetes-bootcamp/overlays/staging")
    staging = manifests(replace(production, name="staging", sources=(overlay,)))
    assert len(staging) == 2
    assert not {item.id for item in staging} & {item.id for item in manifests(production)}
