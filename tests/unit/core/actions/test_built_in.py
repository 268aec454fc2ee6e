from datetime import UTC, datetime
from typing import Any

import pytest

from gitops.core.actions.built_in import built_in, placed, scale_path, without
from gitops.errors import InputError
from gitops.model.acting import Effect, Given, Offer
from gitops.model.objects import Body, GroupKind, split_api_version

NOW = datetime(2026, 3, 1, 9, 30, 5, tzinfo=UTC)
SINCE = "2026-03-01T09:30:05Z"
STAMP = {"kubectl.kubernetes.io/restartedAt": SINCE}
APPS = ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet")
BATCH = ("Job", "CronJob")


def body(kind: str, spec: Any = None, **more: Any) -> dict[str, Any]:
    group = "apps/" if kind in APPS else "batch/" if kind in BATCH else ""
    metadata = {"name": "web", "namespace": "shop", "uid": "u1"}
    return {
        "apiVersion": f"{group}v1",
        "kind": kind,
        "metadata": metadata,
        "spec": spec or {},
        **more,
    }


def kind_of(live: Body) -> GroupKind:
    return GroupKind(split_api_version(live["apiVersion"])[0], live["kind"])


def run(action: str, live: Body, **params: str) -> Effect:
    return built_in(kind_of(live))[action].run(live, Given(params, NOW))


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("Deployment", ["restart", "pause", "resume", "scale"]),
        ("StatefulSet", ["restart", "scale"]),
        ("DaemonSet", ["restart"]),
        ("ReplicaSet", ["scale"]),
        ("ReplicationController", ["scale"]),
        ("CronJob", ["create-job", "suspend", "resume"]),
        ("Job", ["suspend", "resume", "terminate"]),
        ("ConfigMap", []),
    ],
)
def test_each_kind_has_the_actions_that_people_know_of_it(kind: str, names: list[str]) -> None:
    assert list(built_in(kind_of(body(kind)))) == names


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet"])
@pytest.mark.parametrize(
    ("template", "annotations"),
    [
        ({}, STAMP),
        ({"metadata": None}, STAMP),
        ({"metadata": {"annotations": {"a": "b"}}}, {"a": "b", **STAMP}),
    ],
)
def test_a_restart_marks_the_template_of_the_pods(
    kind: str, template: Any, annotations: Any
) -> None:
    live = body(kind, {"template": template})
    after = run("restart", live).after
    assert after["spec"]["template"]["metadata"]["annotations"] == annotations
    assert live["spec"]["template"] == template


@pytest.mark.parametrize(
    "kind", ["Deployment", "StatefulSet", "ReplicaSet", "ReplicationController"]
)
def test_scaling_sets_the_count(kind: str) -> None:
    assert run("scale", body(kind, {"replicas": 1, "a": 2}), replicas="0").after["spec"] == {
        "replicas": 0,
        "a": 2,
    }


def test_a_custom_kind_is_scaled_where_its_definition_says() -> None:
    action = built_in(GroupKind("example.com", "Farm"), ("spec", "size", "cows"))["scale"]
    made = action.run({"spec": {"size": {"cows": 1}}}, Given({"replicas": "2147483647"}, NOW))
    assert made.after == {"spec": {"size": {"cows": 2147483647}}}
    assert action.offer({}) == Offer("scale", "", ("replicas",))


@pytest.mark.parametrize("text", ["", "x", "-1", "1.5", "٣", "2147483648", "1" * 5000])
def test_what_is_no_number_of_replicas_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="is no number of replicas; write --param replicas=3"):
        run("scale", body("Deployment"), replicas=text)


def test_a_deployment_is_paused_and_resumed() -> None:
    assert run("pause", body("Deployment")).after["spec"] == {"paused": True}
    assert run("resume", body("Deployment", {"paused": True, "a": 1})).after["spec"] == {"a": 1}


@pytest.mark.parametrize("kind", ["CronJob", "Job"])
def test_jobs_are_suspended_and_resumed(kind: str) -> None:
    assert run("suspend", body(kind)).after["spec"] == {"suspend": True}
    assert run("resume", body(kind, {"suspend": True})).after["spec"] == {"suspend": False}


def test_a_job_is_terminated_by_the_condition_that_makes_it_fail() -> None:
    condition = {
        "type": "FailureTarget",
        "status": "True",
        "reason": "ManuallyTerminated",
        "message": "Job was terminated by hand",
        "lastTransitionTime": SINCE,
    }
    known = {"type": "Suspended", "status": "False"}
    assert run("terminate", body("Job")).after["status"]["conditions"] == [condition]
    effect = run("terminate", body("Job", status={"active": 1, "conditions": [known]}))
    assert effect.after["status"] == {"active": 1, "conditions": [known, condition]}
    assert not effect.waits


def test_a_cron_job_makes_a_job_of_its_own() -> None:
    template = {
        "metadata": {"labels": {"a": "b"}, "annotations": {"c": "d"}},
        "spec": {"template": {"spec": {}}},
    }
    live = body("CronJob", {"jobTemplate": template})
    effect = run("create-job", live)
    assert effect.after is live
    assert effect.creates == (
        {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {
                "name": "web-260301093005",
                "namespace": "shop",
                "labels": {"a": "b"},
                "annotations": {"c": "d", "cronjob.kubernetes.io/instantiate": "manual"},
                "ownerReferences": [
                    {
                        "apiVersion": "batch/v1",
                        "kind": "CronJob",
                        "name": "web",
                        "uid": "u1",
                        "controller": True,
                        "blockOwnerDeletion": True,
                    }
                ],
            },
            "spec": {"template": {"spec": {}}},
        },
    )


def test_the_name_of_a_job_is_never_too_long() -> None:
    live = body("CronJob")
    live["metadata"]["name"] = "a" * 49 + "-b"
    (job,) = run("create-job", live).creates
    assert job["metadata"]["name"] == "a" * 49 + "-260301093005"
    assert "labels" not in job["metadata"]


DONE = {"conditions": [None, {"type": "Complete", "status": "True"}]}
NOT_DONE = {"conditions": [{"type": "Failed", "status": "False"}]}
IDLE, BUSY = "it is suspended already", "it is not suspended"


@pytest.mark.parametrize(
    ("live", "refused"),
    [
        (body("Deployment"), {"restart": "", "pause": "", "resume": "it is not paused"}),
        (
            body("Deployment", {"paused": True}),
            {
                "restart": "it is paused, and a rollout would wait; resume it first",
                "pause": "it is paused already",
                "resume": "",
            },
        ),
        (body("CronJob"), {"suspend": "", "resume": BUSY, "create-job": ""}),
        (body("CronJob", {"suspend": True}), {"suspend": IDLE, "resume": ""}),
        (body("Job", status=NOT_DONE), {"suspend": "", "resume": BUSY, "terminate": ""}),
        (body("Job", {"suspend": True}), {"suspend": IDLE, "resume": "", "terminate": ""}),
        (
            body("Job", status=DONE),
            dict.fromkeys(("suspend", "resume", "terminate"), "it has ended"),
        ),
    ],
)
def test_what_makes_no_sense_now_says_why(live: Body, refused: dict[str, str]) -> None:
    offers = {name: action.offer(live).refused for name, action in built_in(kind_of(live)).items()}
    assert {name: offers[name] for name in refused} == refused


@pytest.mark.parametrize(
    ("definition", "path"),
    [
        ({}, ()),
        ({"spec": {"versions": [{"name": "v1"}, None]}}, ()),
        ({"spec": {"versions": [{"name": "v2", "subresources": {"scale": {}}}]}}, ()),
        (
            {
                "spec": {
                    "versions": [
                        {"name": "v1"},
                        {
                            "name": "v2",
                            "subresources": {"scale": {"specReplicasPath": ".spec.size.cows"}},
                        },
                    ]
                }
            },
            ("spec", "size", "cows"),
        ),
    ],
)
def test_a_definition_tells_where_the_count_of_a_version_is(
    definition: Body, path: tuple[str, ...]
) -> None:
    assert scale_path(definition, "v2") == path


def test_what_is_missing_on_the_way_is_made_and_what_is_absent_stays_so() -> None:
    assert placed(None, ("a", "b"), 1) == {"a": {"b": 1}}
    assert without({"a": {"b": 1, "c": 2}}, ("a", "b")) == {"a": {"c": 2}}
    assert without({"c": 2}, ("a", "b")) == {"c": 2}
    assert without({"a": None}, ("a", "b")) == {"a": {}}
