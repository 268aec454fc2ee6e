"""Hooks of a sync in every phase, and waves of what it applies."""

import shutil

from gitops.engine.declaring.deleting import DeleteOptions
from gitops.model.revision import RevisionState
from tests.helpers.controlplane import eventually
from tests.helpers.service import BY_HAND, config_map, deployment
from tests.helpers.walk import Walk, outcomes

JOB = """\
apiVersion: batch/v1
kind: Job
metadata:
  {name}: {title}
  annotations:
    gitops.dev/hook: {phase}
    gitops.dev/hook-delete-policy: {policy}
spec:
  backoffLimit: 0
  template:
    spec:
      restartPolicy: Never
      containers: [{{name: work, image: "registry.example/work:{tag}"}}]
"""


def job(title: str, phase: str, policy: str = "BeforeHookCreation", tag: str = "v1") -> str:
    name = "generateName" if title.endswith("-") else "name"
    return JOB.format(name=name, title=title, phase=phase, policy=policy, tag=tag)


PATIENT = {"healthDeadline": "10m", "timeout": "15m", "retry": {"limit": 0}}
IMPATIENT = PATIENT | {"healthDeadline": "2s"}


def start(walk: Walk, **files: str) -> None:
    for name, text in files.items():
        walk.world.repo.write(f"app/{name}.yaml", text)
    walk.push("Start")
    walk.world.declare(syncPolicy=PATIENT)


def order(walk: Walk) -> list[str]:
    """Names in the order in which their outcomes were told."""
    return [m.split()[1].rpartition("/")[2] for m in walk.told("demo", "outcome")]


def test_post_sync_hooks_run_once_everything_is_healthy(walk: Walk) -> None:
    start(walk, web=deployment(), before=job("before", "PreSync"), after=job("after", "PostSync"))
    first = walk.world.closed()
    assert first.healthy, walk.world.story()
    assert order(walk) == ["before", "web", "after"]
    created = walk.get("job/after", ".metadata.creationTimestamp")
    (ready,) = [
        c for c in walk.live("deployment/web")["status"]["conditions"] if c["type"] == "Available"
    ]
    assert ready["lastTransitionTime"] <= created
    assert [o.phase for o in first.outcomes] == ["PreSync", "Sync", "PostSync"]


def test_a_post_sync_hook_that_fails_fails_the_sync_and_its_message_says_so(walk: Walk) -> None:
    start(walk, web=deployment(), after=job("after", "PostSync", tag="v1-fail"))
    first = walk.world.closed()
    assert (first.state, first.healthy) == (RevisionState.FAILED, False)
    assert f"Job {walk.namespace}/after was Degraded" in first.message


def test_sync_fail_hooks_run_after_a_failure_only(walk: Walk) -> None:
    start(walk, web=deployment(), sorry=job("sorry", "SyncFail"))
    assert walk.world.closed().healthy
    assert not walk.exists("job/sorry")
    walk.world.declare(syncPolicy=IMPATIENT)
    failed = walk.change("demo", "app/web.yaml", "web:v1", "web:v2-never-ready")
    assert failed.state is RevisionState.FAILED
    assert "Deployment" in failed.message
    assert outcomes(failed) == {"Deployment/web": "configured", "Job/sorry": "created"}
    assert walk.exists("job/sorry")


DEFINITION = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {{name: widgets.{group}}}
spec:
  group: {group}
  scope: Namespaced
  names: {{plural: widgets, singular: widget, kind: Widget}}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties: {{spec: {{type: object, properties: {{size: {{type: integer, maximum: 5}}}}}}}}
"""


def test_sync_fail_hooks_run_when_a_wave_is_refused_before_it_is_written(walk: Walk) -> None:
    group = f"{walk.namespace}.example.com"
    widget = f"apiVersion: {group}/v1\nkind: Widget\nmetadata: {{name: one}}\nspec: {{size: 9}}\n"
    start(
        walk,
        kind=DEFINITION.format(group=group),
        one=widget,
        sorry=job("sorry", "SyncFail", "HookSucceeded"),
    )
    first = walk.world.closed()
    assert first.state is RevisionState.FAILED
    assert "less than or equal to 5" in first.message
    made = f"CustomResourceDefinition/widgets.{group}"
    assert outcomes(first) == {made: "created", "Widget/one": "failed", "Job/sorry": "created"}
    eventually(lambda: not walk.exists("job/sorry"), "it goes as its policy says")
    walk.kubectl("delete", "crd", f"widgets.{group}")


def test_sync_fail_hooks_do_not_run_for_what_is_superseded_or_stopped(walk: Walk) -> None:
    stuck = deployment(image="registry.example/web:v1-never-ready")
    for name, text in {"web": stuck, "sorry": job("sorry", "SyncFail")}.items():
        walk.world.repo.write(f"app/{name}.yaml", text)
    walk.push("Start")
    walk.world.declare()
    walk.wait_told("demo", "outcome", "Deployment", "created")
    walk.edit("app/web.yaml", "v1-never-ready", "v2-never-ready")
    walk.push("Change")
    walk.poll()
    assert walk.world.closed(number=1).state is RevisionState.SUPERSEDED
    walk.wait_told("demo", "outcome", "Deployment", "image")
    walk.world.restart()
    assert walk.world.closed(number=2).state is RevisionState.INTERRUPTED
    assert not walk.exists("job/sorry")


def test_hooks_are_removed_as_their_policies_say(walk: Walk) -> None:
    start(
        walk,
        words=config_map(),
        good=job("good", "PreSync", "HookSucceeded"),
        kept=job("kept", "PreSync", "HookFailed"),
        named=job("run-", "PostSync"),
    )
    assert walk.world.closed().healthy, walk.world.story()
    walk.settled("demo")
    jobs = walk.get("jobs", ".items[*].metadata.name").split()
    assert "kept" in jobs
    assert "good" not in jobs
    (generated,) = [name for name in jobs if name.startswith("run-")]
    second = walk.change("demo", "app/words.yaml", "word: one", "word: two")
    assert second.healthy
    names = walk.get("jobs", ".items[*].metadata.name").split()
    assert len([name for name in names if name.startswith("run-") and name != generated]) == 1


def test_a_wave_waits_for_the_health_of_the_one_before(walk: Walk) -> None:
    late = deployment("late", image="registry.example/web:v1").replace(
        "  name: late\n", '  name: late\n  annotations: {gitops.dev/sync-wave: "1"}\n', 1
    )
    early = deployment("early", image="registry.example/web:v1-never-ready")
    for name, text in {"early": early, "late": late}.items():
        walk.world.repo.write(f"app/{name}.yaml", text)
    walk.push("Start")
    walk.world.declare(syncPolicy=IMPATIENT)
    first = walk.world.closed()
    assert first.state is RevisionState.FAILED
    assert outcomes(first) == {"Deployment/early": "created", "Deployment/late": "skipped"}
    assert not walk.exists("deployment/late")
    walk.world.declare(syncPolicy=PATIENT)
    mended = walk.change("demo", "app/early.yaml", "v1-never-ready", "v2")
    assert mended.healthy
    assert walk.exists("deployment/late")


FINALIZER = "gitops.dev/hook-finalizer"


def test_a_hook_that_deletes_itself_when_it_ends_counts(walk: Walk) -> None:
    brief = job("brief", "PreSync").replace("  backoffLimit: 0\n", "  ttlSecondsAfterFinished: 0\n")
    start(walk, before=brief, words=config_map())
    first = walk.world.closed()
    assert first.healthy, walk.world.story()
    assert order(walk) == ["brief", "words"]
    eventually(lambda: not walk.exists("job/brief"))


def test_a_hook_that_somebody_deletes_before_it_ends_fails_the_sync_at_once(walk: Walk) -> None:
    late = "  template:\n    metadata: {annotations: {gitops.dev/complete-after: 10m}}\n"
    endless = job("endless", "PreSync").replace("  template:\n", late)
    walk.world.repo.write("app/before.yaml", endless)
    walk.world.repo.write("app/words.yaml", config_map())
    walk.push("Start")
    walk.world.declare(syncPolicy={"healthDeadline": "10m", "retry": {"limit": 0}})
    walk.wait_told("demo", "outcome", "endless")
    walk.kubectl("-n", walk.namespace, "delete", "job/endless", "--wait=false")
    first = walk.world.closed()
    assert first.state is RevisionState.FAILED
    assert "was Degraded: it was deleted before it ended" in first.message
    assert not walk.exists("configmap/words")
    eventually(lambda: not walk.exists("job/endless"))


def test_a_hook_that_is_gone_by_force_before_it_ends_fails_the_sync_at_once(walk: Walk) -> None:
    late = "  template:\n    metadata: {annotations: {gitops.dev/complete-after: 10m}}\n"
    endless = job("endless", "PreSync").replace("  template:\n", late)
    walk.world.repo.write("app/before.yaml", endless)
    walk.push("Start")
    walk.world.declare(syncPolicy={"healthDeadline": "10m", "retry": {"limit": 0}})
    walk.wait_told("demo", "outcome", "endless")
    forced = '{"metadata":{"finalizers":null}}'
    walk.kubectl("-n", walk.namespace, "patch", "job/endless", "--type=merge", "-p", forced)
    walk.kubectl("-n", walk.namespace, "delete", "job/endless")
    first = walk.world.closed()
    assert first.state is RevisionState.FAILED
    assert "was Degraded: it was deleted before it ended" in first.message


def test_hooks_that_stay_are_held_by_nothing(walk: Walk) -> None:
    start(walk, before=job("before", "PreSync"), words=config_map())
    assert walk.world.closed().healthy
    assert FINALIZER not in walk.get("job/before", ".metadata.finalizers")
    again = walk.change("demo", "app/before.yaml", "work:v1", "work:v2")
    assert again.healthy, "the run before goes, and another is made"
    assert FINALIZER not in walk.get("job/before", ".metadata.finalizers")
    assert walk.delete("demo").data["state"] == "succeeded"
    eventually(lambda: not walk.exists("job/before"))


def test_cancelling_ends_a_hook_that_never_ends(walk: Walk) -> None:
    late = "  template:\n    metadata: {annotations: {gitops.dev/complete-after: 10m}}\n"
    walk.world.repo.write(
        "app/before.yaml", job("endless", "PreSync").replace("  template:\n", late)
    )
    walk.world.repo.write("app/sorry.yaml", job("sorry", "SyncFail"))
    walk.world.repo.write("app/words.yaml", config_map())
    walk.push("Start")
    policy = {"healthDeadline": "10m", "rollback": {"automatic": True}}
    walk.world.declare(syncPolicy=policy)
    walk.wait_told("demo", "outcome", "endless")
    walk.service.cancel("demo", BY_HAND)
    first = walk.world.closed()
    assert (first.state, first.message) == (
        RevisionState.INTERRUPTED, "cancelled by tester@example.com",
    )  # fmt: skip
    assert outcomes(first) == {
        "Job/endless": "created", "ConfigMap/words": "skipped", "Job/sorry": "skipped",
    }  # fmt: skip
    eventually(lambda: not walk.exists("job/endless"))
    assert not walk.exists("job/sorry"), "nothing has failed"


# --- hooks of a deletion --------------------------------------------------------------------------


def around(walk: Walk, **tags: str) -> None:
    """An application with hooks before and after its deletion."""
    start(
        walk,
        words=config_map(),
        farewell=job("farewell", "PreDelete", tag=tags.get("before", "v1")),
        after=job("sweep-", "PostDelete", tag=tags.get("after", "v1")),
    )
    assert walk.world.closed().healthy, walk.world.story()
    walk.settled("demo")
    assert not walk.exists("job/farewell"), "a sync runs none of them"


def test_a_deletion_runs_its_hooks_before_and_after_and_leaves_none(walk: Walk) -> None:
    around(walk)
    shutil.rmtree(walk.world.repo.remote)
    assert walk.delete("demo").data["state"] == "succeeded", walk.world.story()
    told = order(walk)[1:]
    assert (told[0], told[1], told[2][:6]) == ("farewell", "words", "sweep-")
    eventually(lambda: walk.get("jobs", ".items[*].metadata.name") == "")


def test_a_hook_that_fails_before_a_deletion_blocks_it(walk: Walk) -> None:
    around(walk, before="v1-fail")
    assert walk.delete("demo").data["state"] == "failed"
    status = walk.at_rest("demo")
    assert f"Job {walk.namespace}/farewell was Degraded" in status.message
    assert walk.exists("configmap/words")
    assert walk.exists("job/farewell"), "so that people can look at it"
    assert walk.delete("demo").data["state"] == "failed", "asked again, it runs again"
    assert walk.exists("configmap/words")
    assert walk.delete("demo", DeleteOptions("orphan")).data["state"] == "succeeded"
    assert walk.exists("configmap/words")
