"""What the cluster made otherwise of what was applied."""

import pytest

from gitops.core.diff.admission import is_answered, overruled
from gitops.openapi.loader import load_builtin

BY = "by a webhook or a policy of the cluster"


def deployment(replicas=1, cpu="1", image="a:1", *, more=()):
    container = {"name": "a", "image": image, "resources": {"requests": {"cpu": cpu}}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "labels": {"a": "b"}},
        "spec": {
            "replicas": replicas,
            "template": {"spec": {"containers": [container, *more]}},
        },
    }


@pytest.mark.parametrize(
    ("applied", "answer", "answered"),
    [
        ({"a": 1}, {"a": 1, "b": 2}, True),
        ({"a": 1}, {"b": 1}, False),
        ({"a": 1}, 1, False),
        ([1, {"a": 2}], [1, {"a": 2, "b": 3}], True),
        ([1], [1, 2], False),
        ([1, 2], [2, 1], False),
        ([1], "1", False),
        (1, True, False),
        ("1", 1, False),
        (None, None, True),
    ],
)
def test_an_answer_in_other_words_has_to_be_looked_at(applied, answer, answered):
    assert is_answered(applied, answer) is answered


def test_what_is_written_otherwise_or_added_is_not_overruled():
    sidecar = {"name": "mesh", "image": "m:1"}
    answer = deployment(cpu="1000m", more=[sidecar])
    answer["metadata"]["labels"]["told"] = "yes"

    assert not is_answered(deployment(), answer)
    assert overruled(deployment(), answer, load_builtin()) == ""


def test_what_is_changed_is_told_by_its_field():
    answer = deployment(replicas=2, image="mirror/a:1")

    fields = "spec.replicas, spec.template.spec.containers.0.image"
    assert overruled(deployment(), answer, load_builtin()) == f"not as applied: {fields} {BY}"


def test_what_is_dropped_is_told():
    answer = deployment()
    del answer["metadata"]["labels"]

    assert overruled(deployment(), answer, load_builtin()) == (
        f"not as applied: metadata.labels.a {BY}"
    )
