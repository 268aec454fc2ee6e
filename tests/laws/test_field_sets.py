from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gitops.core.ownership.field_sets import difference, union

Paths = frozenset[tuple[str, ...]]
paths = st.frozensets(
    st.lists(st.sampled_from(["f:a", "f:b", 'k:{"name":"c"}']), min_size=1, max_size=4).map(tuple)
)


def to_fields(members: Paths) -> dict[str, Any]:
    root: dict[str, Any] = {}
    for path in members:
        node = root
        for step in path:
            node = node.setdefault(step, {})
        node["."] = {}
    return tidy(root)


def tidy(node: dict[str, Any]) -> dict[str, Any]:
    made = {k: tidy(v) for k, v in node.items() if k != "."}
    return {".": {}, **made} if "." in node and made else made


def to_paths(fields: dict[str, Any], above: tuple[str, ...] = ()) -> Paths:
    found = set()
    for key, node in fields.items():
        if key == ".":
            continue
        path = (*above, key)
        if not node or "." in node:
            found.add(path)
        found |= to_paths(node, path)
    return frozenset(found)


@given(paths, paths)
def test_union_is_that_of_sets(one, other):
    made = union(to_fields(one), to_fields(other))
    assert to_paths(made) == one | other
    assert made == to_fields(one | other)


@given(paths, paths)
def test_difference_is_that_of_sets(one, other):
    made = difference(to_fields(one), to_fields(other))
    assert to_paths(made) == one - other
    assert made == to_fields(one - other)
