from typing import Any

import pytest

from gitops.core.diff.left_out import states_all
from gitops.model.diff import ABSENT
from gitops.openapi.loader import load_builtin

ROOT = load_builtin().root({"apiVersion": "apps/v1", "kind": "Deployment"})


def pod(**spec: Any) -> dict[str, Any]:
    return {"spec": {"template": {"spec": spec}}}


def container(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, **more}


@pytest.mark.parametrize(
    ("desired", "last"),
    [
        (pod(nodeName="b"), pod(nodeName="a")),
        (pod(nodeName="b", hostname="x"), pod(nodeName="a")),
        (pod(nodeName="b"), ABSENT),
        (pod(containers=[container("a", image="2")]), pod(containers=[container("a", image="1")])),
        (pod(containers=[container("a"), container("b")]), pod(containers=[container("b")])),
        (pod(containers=[container("a")]), pod()),
        (pod(containers=[container("a")], nodeName="b"), pod(nodeName="b")),
        ({"unknown": [1]}, {"unknown": [1]}),
        (
            pod(containers=[container("a", args=["x"])]),
            pod(containers=[container("a", args=["y", "z"])]),
        ),
        ({"spec": {"selector": {"matchLabels": {"a": ""}}}}, {"spec": {"selector": {}}}),
    ],
)
def test_what_only_adds_and_changes_leaves_nothing_out(desired: Any, last: Any) -> None:
    assert states_all(desired, last, ROOT)


@pytest.mark.parametrize(
    ("desired", "last"),
    [
        (pod(nodeName="b"), pod(nodeName="a", hostname="x")),
        (pod(nodeName=None), pod(nodeName="a")),
        (pod(nodeName=""), pod(nodeName="a")),
        (pod(hostNetwork=False), pod(hostNetwork=True)),
        (pod(nodeName="b"), pod(nodeName={"a": "b"})),
        (pod(nodeSelector={"a": "b"}), pod(nodeSelector="a")),
        (pod(containers=[container("a")]), pod(containers=[container("b")])),
        (pod(containers=[container("a")]), pod(containers=[container("a", image="1")])),
        (pod(containers=[container("a")]), pod(containers="a")),
        (pod(containers=[container("a")] * 2), pod(containers=[container("a")])),
        (pod(containers=[{}]), pod(containers=[container("a")])),
        ({"unknown": [1]}, {"unknown": [2]}),
        (pod(nodeName=None), pod(nodeName=None)),
    ],
)
def test_what_leaves_something_out_or_may_do_so_is_looked_into(desired: Any, last: Any) -> None:
    assert not states_all(desired, last, ROOT)
