import pytest

from gitops.core.jqpath import find_paths
from gitops.errors import ApplicationError

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


def found(expression):
    return ["/".join(pointer) for pointer in find_paths(expression, BODY)]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (".spec.replicas", ["spec/replicas"]),
        ('.metadata.annotations["c.d"]', ["metadata/annotations/c.d"]),
        ('.metadata.annotations."a/b"', ["metadata/annotations/a/b"]),
        ('.["spec"].replicas', ["spec/replicas"]),
        (".spec.containers[].image", ["spec/containers/0/image", "spec/containers/1/image"]),
        (".spec.containers[0].image", ["spec/containers/0/image"]),
        (".spec.containers[-1].image", ["spec/containers/1/image"]),
        (".spec.containers[7].image", []),
        (".spec.missing[]?.image", []),
        (".spec.missing", []),
        (
            '.spec.containers[] | select(.name == "proxy")',
            ["spec/containers/1"],
        ),
        (
            '.spec.containers[] | select(.name == "proxy") | .image',
            ["spec/containers/1/image"],
        ),
        (
            '.spec.containers[]? | select(.name != "proxy").env[] | select(.name == "A")',
            ["spec/containers/0/env/0"],
        ),
        ('.spec.containers[] | select(.name | startswith("pro"))', ["spec/containers/1"]),
        ('.spec.containers[] | select(.name | endswith("eb") | not)', ["spec/containers/1"]),
        ('.spec.containers[] | select(has("env"))', ["spec/containers/0"]),
        ('.spec.containers[] | select(.image | contains("p:"))', ["spec/containers/1"]),
        ('.spec.containers[] | select(.env | type == "array")', ["spec/containers/0"]),
        (".spec.containers[] | select((.env | length) > 1)", ["spec/containers/0"]),
        (
            '.spec.containers[] | select(.name == "web" or .name == "x") | .image',
            ["spec/containers/0/image"],
        ),
        ('.spec.containers[] | select(.name == "web" and .image == "no")', []),
        (".spec.replicas, .spec.containers[0].name", ["spec/replicas", "spec/containers/0/name"]),
        (".. | select(. == 3)", ["spec/replicas"]),
        (".spec | select(.replicas >= 3) | .replicas", ["spec/replicas"]),
        (".spec | select(.replicas < 3) | .replicas", []),
        (".metadata.annotations[]", ["metadata/annotations/a/b", "metadata/annotations/c.d"]),
    ],
)
def test_an_expression_names_places(expression, expected):
    assert found(expression) == expected


@pytest.mark.parametrize(
    "expression",
    [
        "",
        ".spec[",
        '.spec | test("a")',
        "del(.spec)",
        ".spec = 1",
        ".a.",
        "(.a",
        ".a)",
        "select(.a",
        ".spec[.x]",
        "startswith(.x)",
        "{a: .b}",
        "$x",
        "(" * 60 + "." + ")" * 60,
        "." + "a" * 3000,
    ],
)
def test_what_is_not_supported_is_a_clear_error(expression):
    with pytest.raises(ApplicationError) as raised:
        find_paths(expression, BODY)
    assert "jq expression" in str(raised.value)
    assert raised.value.remedy
