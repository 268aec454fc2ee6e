"""A `PathFinder` on a real process: its places, and what no expression can do to the service."""

import pytest

from gitops.checks.jq import JqPaths
from gitops.errors import ApplicationError

BODY = {"kind": "Deployment", "spec": {"replicas": 3, "list": [{"name": "a"}, {"name": "b"}]}}


@pytest.fixture
def paths():
    found = JqPaths(cpu_s=0.25)
    yield found
    found.close()


def test_places_are_found_in_each_object(paths):
    other = {**BODY, "spec": {}}
    assert paths(['.spec.list[]? | select(.name == "b")'], [BODY, other]) == [
        [("spec", "list", "1")],
        [],
    ]


@pytest.mark.parametrize(
    "expression",
    ["until(true == false; [.] + [1])", "[range(1e12)]", "last(repeat(.)) | .spec"],
)
def test_what_never_ends_is_ended_and_the_next_object_is_asked(paths, expression):
    with pytest.raises(ApplicationError, match=r"processor time|ended its process"):
        paths([expression], [BODY])
    assert paths([".spec.replicas"], [BODY]) == [[("spec", "replicas")]]


def test_what_is_no_jq_is_refused_with_its_place(paths):
    with pytest.raises(ApplicationError, match="unexpected") as raised:
        paths([".spec["], [BODY])
    assert raised.value.where == "spec.ignoreDifferences"


def test_nothing_of_this_process_is_seen(paths, monkeypatch):
    monkeypatch.setenv("GITOPS_TOKEN", "secret")
    assert paths(["select(env.GITOPS_TOKEN or $ENV.GITOPS_TOKEN) | .spec"], [BODY]) == [[]]
