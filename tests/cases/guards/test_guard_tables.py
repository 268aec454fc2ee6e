from typing import Any

import pytest

from gitops.core.application.spec import parse_application
from gitops.core.planning.guards import GuardContext, guard
from gitops.model.diff import ActionKind
from gitops.model.objects import Manifest, ObjectId
from gitops.model.plan import Action, Hook, Phase
from gitops.model.project import UNLIMITED, Project
from tests.helpers.case_tables import table

INSTALLATION = "aaaaaaaa"
VERSIONS = {"CustomResourceDefinition": "apiextensions.k8s.io/v1"}


def identity(words: str) -> ObjectId:
    kind, name = words.split(" ")
    return ObjectId(VERSIONS.get(kind, "v1").rpartition("/")[0], kind, "", name)


def action(words: str) -> Action:
    verb, _, rest = words.partition(" ")
    kind = ActionKind(verb.removeprefix("hook-"))
    hook = Hook((Phase.PRE_SYNC,)) if verb.startswith("hook-") else None
    return Action(kind, identity(rest), "v1", hook=hook)


def live(words: str, marks: dict[str, str]) -> dict[str, Any]:
    kind, name = words.split(" ")
    annotations = {
        "gitops.dev/tracking": marks.get("tracking", ""),
        "argocd.argoproj.io/sync-options": marks.get("options", ""),
    }
    labels = {"gitops.dev/installation": marks["installation"]} if "installation" in marks else {}
    metadata = {"name": name, "annotations": annotations, "labels": labels}
    return {"apiVersion": VERSIONS.get(kind, "v1"), "kind": kind, "metadata": metadata}


def context(case: dict[str, Any], actions: list[Action]) -> GuardContext:
    """Under Argo CD's apiVersion null takes budget and automation away; the rest is ours."""
    policy = {
        "automated": {"prune": True},
        "pruneBudget": {},
        "adopt": "approve",
        **case.get("policy", {}),
    }
    body = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": {"name": "shop"},
        "spec": {
            "source": {"repoURL": "r"},
            "takesOver": [{"name": name} for name in case.get("takesOver", ())],
            "syncPolicy": policy,
        },
    }
    if isinstance(policy["automated"], dict):
        policy["automated"] = {"prune": True, **policy["automated"]}
    owned = case.get("owned")
    project = Project("shop", **case["project"]) if "project" in case else UNLIMITED
    return GuardContext(
        parse_application(Manifest.of(body)),
        INSTALLATION,
        frozenset(map(identity, owned) if owned is not None else (a.id for a in actions)),
        {identity(words): name for words, name in case.get("claims", {}).items()},
        {identity(words): live(words, marks) for words, marks in case.get("live", {}).items()},
        project=project,
        **case.get("context", {}),
    )


@pytest.mark.parametrize("case", table(__file__, "guards.yaml"))
def test_actions_are_held_as_expected(case: dict[str, Any]) -> None:
    actions = [action(words) for words in case["actions"]]
    guarded = guard(actions, context(case, actions))
    assert [a.id for a in guarded] == [a.id for a in actions]
    assert [f"{a.hold}: {a.held}" if a.held else "" for a in guarded] == case["expect"]
    assert all(a.waits == (a.hold == "approval") for a in guarded)
    assert all((a.hold is None) == (a.held is None) for a in guarded)
