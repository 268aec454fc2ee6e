from gitops.core.diff.matching import match
from gitops.openapi.loader import load_builtin

KINDS = load_builtin().kinds


def body(name, namespace=None, kind="ConfigMap", **metadata):
    stated = {"name": name, **({"namespace": namespace} if namespace else {}), **metadata}
    return {"apiVersion": "v1", "kind": kind, "metadata": stated}


def names(triples):
    def name(side):
        return side and "/".join(
            filter(None, (side["metadata"].get("namespace"), side["metadata"]["name"]))
        )

    return [(name(t.desired), name(t.actual), name(t.last)) for t in triples]


def test_order_is_desireds_then_what_was_applied_last():
    triples = match(
        [body("b", "x"), body("a", "x")],
        [body("a", "x"), body("foreign", "x"), body("gone", "x")],
        [body("gone", "x"), body("a", "x"), body("vanished", "x")],
        KINDS,
    )
    assert names(triples) == [
        ("x/b", None, None),
        ("x/a", "x/a", "x/a"),
        (None, "x/gone", "x/gone"),
    ]


def test_without_a_namespace_default_comes_before_the_only_candidate():
    live = [body("a", "x"), body("a", "default"), body("b", "x"), body("c", "x"), body("c", "y")]
    triples = match([body("a"), body("b"), body("c")], live, [], KINDS)
    assert names(triples) == [("a", "default/a", None), ("b", "x/b", None), ("c", None, None)]


def test_an_actual_object_without_a_namespace_is_found():
    assert names(match([body("a", "x")], [body("a")], [], KINDS)) == [("x/a", "a", None)]


def test_a_namespace_on_a_cluster_scoped_kind_does_not_count():
    found = match([body("a", "x", "Namespace")], [body("a", None, "Namespace")], [], KINDS)
    assert names(found) == [("x/a", "a", None)]


def test_equal_identities_are_matched_in_their_order():
    triples = match([body("a"), body("a")], [body("a"), body("a")], [], KINDS)
    assert [t.actual is not None for t in triples] == [True, True]


def test_what_carries_our_entry_and_is_not_desired_is_deleted():
    entry = {"manager": "gitops", "operation": "Apply", "fieldsV1": {"f:data": {}}}
    triples = match([], [body("a", managedFields=[entry]), body("b", managedFields=[])], [], KINDS)
    assert names(triples) == [(None, "a", None)]
