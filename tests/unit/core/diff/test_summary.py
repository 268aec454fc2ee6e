"""Differences named for people."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitops.core.diff.summary import name_changes
from gitops.model.diff import ABSENT, ActionKind, FieldChange
from tests.helpers.values import json_values, law


def deployment(*images: str, replicas: int = 1) -> dict[str, Any]:
    names = ("mysql", "log")
    containers = [{"name": n, "image": i} for n, i in zip(names, images, strict=False)]
    spec = {"replicas": replicas, "template": {"spec": {"containers": containers}}}
    return {"kind": "Deployment", "metadata": {"name": "myblog"}, "spec": spec}


def replace(path: str, before: Any, after: Any) -> FieldChange:
    op = "add" if before is ABSENT else "remove" if after is ABSENT else "replace"
    return FieldChange(path, op, before, after, "ours")  # type: ignore[arg-type] # one of three


OLD, NEW = "sha256:0123456789abcdef", "sha256:fedcba98765432100"
IMAGE = "/spec/template/spec/containers/0/image"
SCALE = replace("/spec/replicas", 1, 3)


def test_replicas_alone_are_a_scale() -> None:
    assert name_changes(deployment(), deployment(replicas=3), [SCALE]) == (
        ActionKind.SCALE,
        ("scale myblog 1→3",),
    )


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("mysql:5.6", "mysql:5.7", "5.6→5.7"),
        ("10.0.0.181:5000/blog:v1", "10.0.0.181:5000/blog:v2", "v1→v2"),
        ("nginx", "nginx:1.27", "latest→1.27"),
        ("10.0.0.181:5000/blog", "10.0.0.181:5000/blog:v2", "latest→v2"),
        ("mysql:5.6", "mariadb:5.6", "mysql:5.6→mariadb:5.6"),
        (f"a@{OLD}", f"a@{NEW}", "sha256:0123456789ab→sha256:fedcba987654"),
        (f"a:1@{OLD}", "a:2", "1@sha256:0123456789ab→2"),
        (f"a@{OLD}", f"b:1@{OLD}", "a@sha256:0123456789ab→b:1@sha256:0123456789ab"),
        ("a:latest", "a", "a:latest→a"),
    ],
)  # fmt: skip
def test_an_image_shows_what_changed_of_it(before: str, after: str, words: str) -> None:
    kind, sentences = name_changes(
        deployment(before), deployment(after), [replace(IMAGE, before, after)]
    )

    assert kind is ActionKind.IMAGE
    assert sentences == (f"image mysql {words}",)


def test_images_and_replicas_are_an_image_change_that_lists_both() -> None:
    fields = [SCALE, replace(IMAGE, "a:1", "a:2"), replace(IMAGE.replace("0", "1"), "b:1", "b:2")]

    assert name_changes(deployment("a:1", "b:1"), deployment("a:2", "b:2"), fields) == (
        ActionKind.IMAGE,
        ("image mysql 1→2", "image log 1→2", "scale myblog 1→3"),
    )


@pytest.mark.parametrize("place", [
    "/spec/containers/0/image",
    "/spec/initContainers/0/image",
    "/spec/template/spec/ephemeralContainers/0/image",
    "/spec/jobTemplate/spec/template/spec/containers/0/image",
    "/spec/workers/template/spec/containers/0/image",
])  # fmt: skip
def test_images_are_found_wherever_pods_are_written(place: str) -> None:
    kind, sentences = name_changes({}, {}, [replace(place, "a:1", "a:2")])

    assert kind is ActionKind.IMAGE
    assert sentences == ("image 0 1→2",)


def test_anything_else_is_a_configuration_that_names_three_paths() -> None:
    before = deployment("a:1")
    env, label = (
        "spec.template.spec.containers[mysql].env",
        'metadata.labels["app.kubernetes.io/name"]',
    )
    fields = [
        SCALE,
        replace("/spec/strategy", ABSENT, {}),
        replace("/spec/template/spec/containers/0/env", 1, 2),
        replace("/metadata/labels/app.kubernetes.io~1name", "a", "b"),
        replace("/spec/paused", "yes", ABSENT),
    ]

    assert name_changes(before, deployment("a:1", replicas=3), fields) == (
        ActionKind.CONFIGURE,
        (
            "scale myblog 1→3",
            f"configure 4 fields: spec.strategy, {env}, {label}…",
        ),
    )


def test_one_field_is_one_field() -> None:
    assert name_changes({}, {}, [replace("/data/a", "1", "2")])[1] == ("configure 1 field: data.a",)
    assert name_changes({}, {}, [replace("", {}, [])])[1] == (
        "configure 1 field: the whole object",
    )


def test_absent_replicas_are_one_in_workloads_and_unknown_elsewhere() -> None:
    new = replace("/spec/replicas", ABSENT, 3)
    gone = replace("/spec/replicas", 3, ABSENT)

    assert name_changes(deployment(), {}, [new])[1] == ("scale myblog 1→3",)
    assert name_changes(deployment(), {}, [gone])[1] == ("scale myblog 3→1",)
    assert name_changes({"kind": "Rollout"}, {}, [new])[0] is ActionKind.CONFIGURE
    assert (
        name_changes({"kind": "Rollout"}, {}, [replace("/spec/replicas", 1, 2)])[0]
        is ActionKind.SCALE
    )
    assert (
        name_changes(deployment(), {}, [replace("/spec/replicas", "1", 2)])[0]
        is ActionKind.CONFIGURE
    )


def test_a_new_container_is_a_configuration() -> None:
    new = replace("/spec/template/spec/containers/1", ABSENT, {"name": "log", "image": "b:1"})
    image = replace(IMAGE, ABSENT, "a:1")

    assert name_changes(deployment("a:1"), deployment("a:1", "b:1"), [new]) == (
        ActionKind.CONFIGURE,
        ("configure 1 field: spec.template.spec.containers[log]",),
    )
    assert name_changes(deployment("a:1"), {}, [image])[0] is ActionKind.CONFIGURE


def test_creation_deletion_and_nothing() -> None:
    assert name_changes(None, {}, [SCALE]) == (ActionKind.CREATE, ("create",))
    assert name_changes({}, None, ()) == (ActionKind.DELETE, ("delete",))
    assert name_changes({}, {}, ()) == (ActionKind.NONE, ())


pointers = st.lists(st.sampled_from(["spec", "containers", "0", "image", "x"]), max_size=5)


@law
@given(st.dictionaries(st.text(max_size=5), json_values), pointers, json_values, json_values)
def test_any_body_and_change_has_a_name(
    body: dict[str, Any], tokens: list[str], before: Any, after: Any
) -> None:
    path = "".join(f"/{token}" for token in tokens)

    kind, sentences = name_changes(body, body, [replace(path, before, after)])

    assert kind in {ActionKind.IMAGE, ActionKind.SCALE, ActionKind.CONFIGURE}
    assert len(sentences) == 1
