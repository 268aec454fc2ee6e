"""What we refuse without a cluster, a real API server refuses too, and the other way round."""

import json
from pathlib import Path
from typing import Any

import pytest

from gitops.controlplane.processes import ControlPlane
from gitops.core.manifests.parse import parse
from gitops.core.validation.validate import validate
from gitops.errors import GitopsError
from gitops.model.objects import Manifest
from gitops.openapi.loader import load_builtin
from tests.helpers.case_tables import rows_on_bases, table

HERE = str(Path(__file__).parents[1] / "cases" / "validate" / "faults.yaml")
SHAPES = load_builtin()


def refusal(plane: ControlPlane, manifest: Manifest) -> str | None:
    """What the server says of creating an object, strictly and without doing it."""
    info = SHAPES.kinds[manifest.id.group_kind]
    api_version = manifest.api_version
    base = "/api/v1" if api_version == "v1" else f"/apis/{api_version}"
    folder = "/namespaces/default" if info.namespaced else ""
    body = json.loads(json.dumps(manifest.body))
    if info.namespaced:
        body["metadata"]["namespace"] = "default"
    try:
        query = "dryRun=All&fieldValidation=Strict"
        plane.call("POST", f"{base}{folder}/{info.plural}?{query}", body)
    except GitopsError as error:
        return str(error)
    return None


@pytest.mark.parametrize("case", table(HERE, "faults.yaml"))
def test_the_server_agrees(case: dict[str, Any], control_plane: ControlPlane) -> None:
    parsed = parse(case["text"], "a.yaml")
    for manifest in parsed.manifests:
        if manifest.id.group_kind not in SHAPES.kinds:
            continue
        ours = [f.message for f in validate([manifest], SHAPES)]

        theirs = refusal(control_plane, manifest)

        assert bool(ours) == (theirs is not None), (ours, theirs)


@pytest.mark.parametrize(("body", "faults"), rows_on_bases(HERE, "rules.yaml"))
def test_the_server_agrees_with_every_rule(
    body: Any, faults: list[str], control_plane: ControlPlane
) -> None:
    theirs = refusal(control_plane, Manifest.of(body))

    assert bool(faults) == (theirs is not None), (faults, theirs)
