"""What must hold of every three-way diff, whatever the objects."""

import copy

import jsonpatch
from hypothesis import given, settings
from hypothesis import strategies as st

from gitops.core.diff.changes import sharing
from gitops.core.diff.diff import DiffOptions, LastApplied, compare, diff, is_equal, removals
from gitops.core.diff.unchanged import without_unchanged
from gitops.core.manifests.normalize import canonical, digest, manifest_digest
from gitops.core.ownership.fields import FieldSet
from gitops.core.schema.values import same_json
from gitops.model.application import IgnoreRule
from gitops.openapi.loader import load_builtin

SHAPES = load_builtin()
names = st.sampled_from(["a", "b", "c", "d"])
words = st.sampled_from(["", "x", "y", "1", "500m", "0.5", "1Gi", "1024Mi"])
scalars = st.one_of(st.none(), st.booleans(), st.integers(-2, 5), st.floats(0, 2), words)
labels = st.dictionaries(names, st.one_of(words, st.none()), max_size=3)
ports = st.lists(
    st.fixed_dictionaries(
        {"containerPort": st.sampled_from([53, 80])},
        optional={"protocol": st.sampled_from(["TCP", "UDP"]), "name": words},
    ),
    max_size=3,
)
env = st.lists(st.fixed_dictionaries({"name": names}, optional={"value": words}), max_size=4)
containers = st.lists(
    st.fixed_dictionaries(
        {"name": names},
        optional={
            "image": words,
            "env": env,
            "ports": ports,
            "args": st.lists(words, max_size=3),
            "tty": st.booleans(),
            "resources": st.fixed_dictionaries({}, optional={"limits": labels}),
        },
    ),
    max_size=3,
)
tolerations = st.lists(
    st.fixed_dictionaries(
        {"key": names}, optional={"operator": words, "tolerationSeconds": st.integers(0, 3)}
    ),
    max_size=3,
)
specs = st.fixed_dictionaries(
    {},
    optional={
        "replicas": st.one_of(st.none(), st.integers(0, 3)),
        "paused": st.booleans(),
        "strategy": st.fixed_dictionaries({}, optional={"type": words}),
        "template": st.fixed_dictionaries(
            {},
            optional={
                "metadata": st.fixed_dictionaries({}, optional={"labels": labels}),
                "spec": st.fixed_dictionaries(
                    {},
                    optional={
                        "containers": containers,
                        "tolerations": tolerations,
                        "nodeSelector": st.one_of(st.none(), labels),
                        "hostNetwork": st.booleans(),
                    },
                ),
            },
        ),
    },
)


def deployment(spec, labels):
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "labels": labels},
        "spec": spec,
    }


deployments = st.builds(deployment, specs, labels)
json_values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4)
)
custom = st.builds(
    lambda body: {"apiVersion": "example.com/v1", "kind": "Widget", "spec": body}, json_values
)
objects = st.one_of(deployments, custom)


@given(objects)
def test_an_object_does_not_differ_from_itself(body):
    assert not diff(body, body, None, SHAPES).modified
    assert not diff(body, body, LastApplied(body), SHAPES).modified


@settings(max_examples=300)
@given(st.data())
def test_the_patch_gives_the_predicted_object_and_nothing_is_left_to_do(data):
    kind = data.draw(st.sampled_from([deployments, custom]))
    desired, actual, last = data.draw(kind), data.draw(kind), data.draw(st.none() | kind)
    before = copy.deepcopy((desired, actual, last))
    known = LastApplied(last)
    found = diff(desired, actual, known, SHAPES)
    assert (desired, actual, last) == before
    assert same_json(jsonpatch.apply_patch(actual, list(found.patch)), found.predicted)
    assert found.modified is bool(found.patch) is bool(found.fields)
    again = diff(desired, found.predicted, known, SHAPES)
    assert not again.modified, again.fields
    assert not diff(desired, found.predicted, LastApplied(desired), SHAPES).modified


@given(objects, objects)
def test_a_value_made_of_another_s_parts_is_the_same_value(value, source):
    made = sharing(value, source)
    assert same_json(made, value)
    assert (made is source) is same_json(value, source)
    assert sharing(copy.deepcopy(source), source) is source


@given(deployments, deployments)
def test_creating_gives_the_canonical_manifest(desired, actual):
    found = diff(desired, None, None, SHAPES)
    assert found.predicted == canonical(desired, SHAPES)
    assert same_json(jsonpatch.apply_patch({}, list(found.patch)), found.predicted)
    gone = diff(None, actual, None, SHAPES)
    assert gone.predicted is None
    assert jsonpatch.apply_patch(actual, list(gone.patch)) == {}


@given(deployments, deployments, deployments)
def test_removals_take_an_answer_to_the_predicted_object(desired, answer, last):
    operations = list(removals(desired, answer, LastApplied(last), SHAPES))
    after = jsonpatch.apply_patch(answer, operations)
    assert all(operation["op"] == "remove" for operation in operations)
    assert not list(removals(desired, after, LastApplied(last), SHAPES))


@settings(max_examples=300)
@given(st.data())
def test_where_nothing_is_left_out_a_walk_finds_nothing_to_remove(data):
    """An ignore rule that names nothing there has the whole object walked."""
    kind = data.draw(st.sampled_from([deployments, custom]))
    desired, answer = data.draw(kind), data.draw(kind)
    last = LastApplied(data.draw(st.just(desired) | kind), FieldSet())
    entry = {"manager": "gitops", "operation": "Apply", "fieldsV1": {}}
    answer = {**answer, "metadata": {"name": "web", "managedFields": [entry]}}
    walked = DiffOptions(ignore=(IgnoreRule("*", "*", json_pointers=("/nowhere",)),))
    assert removals(desired, answer, last, SHAPES) == removals(
        desired, answer, last, SHAPES, walked
    )


@settings(max_examples=300)
@given(st.data())
def test_what_nobody_has_changed_need_not_be_compared(data):
    """Actual is what applying `last` has made; desired is it again in parts, or something else."""
    kind = data.draw(st.sampled_from([deployments, custom]))
    base, last, other = data.draw(kind), data.draw(kind), data.draw(kind)
    actual = diff(last, base, LastApplied(data.draw(st.none() | kind)), SHAPES).predicted
    desired = {key: data.draw(st.sampled_from([last, other]))[key] for key in last}
    known = LastApplied(last)
    whole = is_equal(desired, actual, known, SHAPES, DiffOptions())
    parts = without_unchanged(desired, actual, last)
    assert is_equal(*parts, known, SHAPES, DiffOptions()) is whole


@given(objects, objects)
def test_comparing_an_answer_gives_a_patch_to_it(actual, answer):
    found = compare(actual, answer, None, SHAPES)
    assert same_json(jsonpatch.apply_patch(actual, list(found.patch)), found.predicted)


@given(deployments, deployments, st.randoms(use_true_random=False))
def test_a_digest_does_not_depend_on_the_order_of_objects_or_keys(one, other, random):
    other = {**other, "metadata": {"name": "other"}}
    shuffled = dict(random.sample(list(one.items()), len(one)))
    assert digest([one, other], SHAPES) == digest([other, shuffled], SHAPES)
    assert manifest_digest(one, SHAPES) == manifest_digest(shuffled, SHAPES)


hostile = st.recursive(
    scalars | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "apiVersion",
                    "kind",
                    "metadata",
                    "spec",
                    "labels",
                    "managedFields",
                    "fieldsV1",
                    "manager",
                    "containers",
                    "ports",
                    "name",
                    "data",
                    "stringData",
                    "rules",
                    "f:spec",
                    ".",
                    "k:{}",
                    "k:{",
                    "v:1",
                    "subsets",
                    "annotations",
                    "aggregationRule",
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)
hostile_bodies = st.dictionaries(
    st.sampled_from(["metadata", "spec", "data", "stringData", "status", "rules", "subsets"]),
    hostile,
    max_size=5,
).flatmap(
    lambda body: st.sampled_from(
        [
            {"apiVersion": "apps/v1", "kind": "Deployment"},
            {"apiVersion": "v1", "kind": "Secret"},
            {"apiVersion": "v1", "kind": "Endpoints"},
            {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole"},
            {"apiVersion": 1, "kind": []},
            {},
        ]
    ).map(lambda head: {**head, **body})
)


@settings(max_examples=300)
@given(hostile_bodies, hostile_bodies, st.none() | hostile_bodies)
def test_hostile_objects_never_crash(desired, actual, last):
    for known in (None, LastApplied(last)):
        found = diff(desired, actual, known, SHAPES, DiffOptions(ignore_replicas=True))
        assert same_json(jsonpatch.apply_patch(actual, list(found.patch)), found.predicted)
    diff(desired, None, None, SHAPES)
    compare(actual, desired, LastApplied(last), SHAPES)
    SHAPES.with_crd(desired)


@given(hostile)
def test_hostile_field_sets_never_crash(value):
    fields = FieldSet.parse(value)
    assert FieldSet.parse(fields.to_json()) == fields


paths = st.lists(
    st.lists(st.sampled_from(["f:a", "f:b", 'k:{"name":"x"}', "v:1"]), min_size=1, max_size=3).map(
        tuple
    ),
    max_size=5,
)


@given(paths, paths)
def test_field_sets_are_sets(one, other):
    left, right = FieldSet.of_paths(one), FieldSet.of_paths(other)
    assert set(left.paths()) == set(one)
    assert set(left.union(right).paths()) == set(one) | set(other)
    assert set(left.difference(right).paths()) == set(one) - set(other)
    assert FieldSet.parse(left.to_json()) == left
