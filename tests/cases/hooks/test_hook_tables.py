from typing import Any

import pytest

from gitops.core.planning.hooks import hook_of, wave_of
from gitops.core.planning.sync_options import options_of
from gitops.model.objects import Manifest
from gitops.model.plan import Hook
from tests.helpers.case_tables import table

PREFIXES = {
    "a": "argocd.argoproj.io",
    "f": "kustomize.toolkit.fluxcd.io",
    "g": "gitops.dev",
    "h": "helm.sh",
}


def manifest(case: dict[str, Any]) -> Manifest:
    metadata = {field: full(case.get(field, {})) for field in ("annotations", "labels")}
    return Manifest.of({"metadata": {"name": "x", **metadata}})


def full(marks: dict[str, str]) -> dict[str, str]:
    return {
        "/".join([PREFIXES.get(prefix, prefix), name]): value
        for key, value in marks.items()
        for prefix, name in [key.split("/")]
    }


@pytest.mark.parametrize("case", table(__file__, "hooks.yaml"))
def test_a_hook_runs_in_its_phases(case: dict[str, Any]) -> None:
    hook = hook_of(manifest(case))
    found = None if hook is None else [phase.title for phase in hook.phases]
    assert found == case["phases"]


@pytest.mark.parametrize("case", table(__file__, "details.yaml"))
def test_waves_options_and_policies_are_read(case: dict[str, Any]) -> None:
    given = manifest(case)
    assert wave_of(given) == case.get("wave", 0)
    if "options" in case:
        assert sorted(options_of(given)) == case["options"]
    annotations = {**given.annotations, "gitops.dev/hook": "PreSync"}
    hook = hook_of(Manifest.of({"metadata": {"annotations": annotations}}))
    assert isinstance(hook, Hook)
    assert [str(p) for p in hook.delete_policies] == case.get("policies", ["BeforeHookCreation"])
