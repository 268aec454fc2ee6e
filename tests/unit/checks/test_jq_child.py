"""What jq expressions name, as Argo CD's `del(expression)` would have it."""

import pytest

from gitops.checks.jq_child import answer, fault_of

BODY = {
    "metadata": {"annotations": {"a/b": "1", "c.d": "2"}},
    "spec": {
        "replicas": 3,
        "containers": [
            {"name": "web", "image": "w:1", "env": [{"name": "A"}, {"name": "B"}]},
            {"name": "proxy", "image": "p:1"},
        ],
    },
}


def found(*expressions):
    (places,) = answer({"expressions": expressions, "objects": [BODY]})["places"]
    return ["/".join(place) for place in places]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (".spec.replicas", ["spec/replicas"]),
        ('.metadata.annotations["c.d"]', ["metadata/annotations/c.d"]),
        ('.metadata.annotations."a/b"', ["metadata/annotations/a/b"]),
        ('.["spec"].replicas', ["spec/replicas"]),
        (".spec.containers[].image", ["spec/containers/0/image", "spec/containers/1/image"]),
        (".spec.containers[-1].image", ["spec/containers/1/image"]),
        (".spec.containers[1:].image?", []),
        (".spec.containers[:1]", ["spec/containers/0"]),
        (".spec.containers[0:2][1].name", ["spec/containers/1/name"]),
        (".spec.missing[]?.image", []),
        (".spec.missing", ["spec/missing"]),
        ('.spec.containers[] | select(.name == "proxy") | .image', ["spec/containers/1/image"]),
        (
            '.spec.containers[]? | select(.name != "proxy").env[] | select(.name | test("^A"))',
            ["spec/containers/0/env/0"],
        ),
        (
            '.spec.containers[] | select(.name == ("web", "x")) | .image, .name',
            ["spec/containers/0/image", "spec/containers/0/name"],
        ),
        (".. | select(. == 3)", ["spec/replicas"]),
        ('.spec | to_entries[] | select(.key == "replicas")', []),
        ('getpath(["spec", "replicas"])', ["spec/replicas"]),
        (".spec[.metadata.name?]?", []),
        ("first(.spec.containers[] | .name)", ["spec/containers/0/name"]),
        (". # all of it", [""]),
        ("empty", []),
    ],
)
def test_an_expression_names_places(expression, expected):
    assert found(expression) == expected


def test_an_expression_that_fails_on_an_object_names_nothing_and_stops_no_other():
    assert found(".spec.fake.foo[]", ".spec.replicas", ".spec.replicas, .spec.fake.foo[]") == [
        "spec/replicas"
    ]


@pytest.mark.parametrize(
    "expression",
    [
        "",
        ".spec[",
        '.a[] | select(.name == "missing-quote)',
        "nothing_of_that_name(.a)",
        "$x",
        'import "a" as a; .a',
        ". as [$a] ?// {a: $a} | $",
    ],
)
def test_what_is_no_jq_is_refused_in_jqs_words(expression):
    assert fault_of(expression)
    assert answer({"expressions": [".a", expression], "objects": [{}]}) == {
        "refused": expression,
        "why": fault_of(expression),
    }


def test_each_object_has_its_own_places():
    request = {"expressions": [".l[] | select(.a)"], "objects": [{"l": [{}, {"a": 1}]}, {"l": []}]}
    assert answer(request) == {"places": [[["l", "1"]], []]}
