"""The order of objects is total, whole, and the same for any order of the input."""

from collections.abc import Sequence
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from gitops.core.manifests.scope import CRD, NAMESPACE, defined_kind
from gitops.core.planning.order import (
    order,
    order_actions,
    steps,
)
from gitops.model.diff import ActionKind
from gitops.model.objects import Manifest
from gitops.model.plan import Action
from tests.helpers.orders import manifest_of

WORDS = st.builds(
    "{} {}{}{}{}".format,
    st.sampled_from(["Pod", "Namespace", "ConfigMap", "Tab", "Deployment", "Job"]),
    st.sampled_from(["a", "b", "n", "m"]),
    st.sampled_from(["", ".n", ".m"]),
    st.sampled_from(["", "@PreSync", "@PostSync", "@PreSync+Sync", "@Skip"]),
    st.sampled_from(["", "/-2", "/1", "/7"]),
)
CRDS = st.sampled_from(["CustomResourceDefinition d>Tab", "CustomResourceDefinition d>Tab/3"])
MANIFESTS = st.lists(WORDS | CRDS.map(lambda w: w.replace(">Tab/3", "/3>Tab")), unique=True).map(
    lambda words: list({m.id: m for m in map(manifest_of, words)}.values())
)


@given(MANIFESTS, st.randoms(use_true_random=False))
def test_the_order_does_not_depend_on_the_input(
    manifests: Sequence[Manifest], random: Random
) -> None:
    shuffled = list(manifests)
    random.shuffle(shuffled)
    assert order(shuffled) == order(manifests)
    assert steps(shuffled) == steps(manifests)


@given(MANIFESTS)
def test_the_order_keeps_every_object_once(manifests: Sequence[Manifest]) -> None:
    assert sorted(m.id for m in order(manifests)) == sorted(m.id for m in manifests)


@given(MANIFESTS)
def test_what_makes_something_comes_before_its_users(manifests: Sequence[Manifest]) -> None:
    placed = [step.manifest for step in steps(manifests)]
    for i, manifest in enumerate(placed):
        before = placed[:i]
        if manifest.id.group_kind == NAMESPACE:
            users = [m for m in before if m.id.kind != "Namespace"]
            assert all(m.id.namespace != manifest.id.name for m in users)
        if manifest.id.group_kind == CRD:
            defined = defined_kind(manifest.body)
            assert defined is not None
            assert all(m.id.group_kind != defined[0] for m in before)


@given(MANIFESTS)
def test_phases_and_waves_never_go_back(manifests: Sequence[Manifest]) -> None:
    found = [(step.phase, step.wave) for step in steps(manifests)]
    assert found == sorted(found)


@given(manifests=MANIFESTS, random=st.randoms(use_true_random=False), prune_last=st.booleans())
def test_actions_are_ordered_like_objects(
    manifests: Sequence[Manifest], random: Random, *, prune_last: bool
) -> None:
    actions = [
        Action(kind, m.id, "v1", wave, desired=None if kind is ActionKind.DELETE else m)
        for i, m in enumerate(manifests)
        for kind, wave in [(list(ActionKind)[i % len(ActionKind)], i % 3 - 1)]
    ]
    ordered = order_actions(actions, prune_last=prune_last)
    shuffled = list(actions)
    random.shuffle(shuffled)
    assert order_actions(shuffled, prune_last=prune_last) == ordered
    assert sorted(a.id for a in ordered) == sorted(a.id for a in actions)
    assert [(a.phase, a.wave) for a in ordered] == sorted((a.phase, a.wave) for a in ordered)
