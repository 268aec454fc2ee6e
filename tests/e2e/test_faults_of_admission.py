"""What the API server's admission refuses: told in its words, and told from what passes.

Webhooks and policies look at one namespace only, so that no other test meets them.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gitops.engine.lanes.following import MOVED
from gitops.engine.operations import SyncOptions
from gitops.model.revision import OutcomeKind, RevisionState
from tests.helpers.admission import CONFIG_MAPS, Webhook
from tests.helpers.controlplane import Kubectl, eventually
from tests.helpers.gitserver import make_certificate
from tests.helpers.service import BY_HAND, World, config_map


@pytest.fixture
def webhook(world: World, kubectl: Kubectl, tmp_path: Path) -> Iterator[Webhook]:
    made = Webhook(make_certificate(tmp_path))
    kubectl.apply(made.configuration(world.namespace))
    where = ("-n", world.namespace, "create", "configmap", "probe", "--dry-run=server")
    try:
        eventually(lambda: "failed calling" in kubectl.try_(*where).stderr, "the webhook")
        yield made
    finally:
        kubectl("delete", "validatingwebhookconfiguration", world.namespace)
        made.close()


def test_a_webhook_that_is_away_passes_and_one_that_denies_is_the_manifest_s_fault(
    world: World, webhook: Webhook
) -> None:
    world.push("app/words.yaml", config_map())
    world.declare()
    world.wait_for(lambda: "failed calling webhook" in world.status().message, "the outage")
    assert world.status().sync == "Unknown"
    assert world.service.parts.store.revisions("demo") == [], "nobody's manifest is at fault"
    webhook.answer = "denied"
    with webhook.serve():
        refused = world.closed()
        assert refused.state is RevisionState.FAILED
        denied = 'admission webhook "kind.example.com" denied the request'
        for message in (refused.message, world.message(denied)):
            assert denied in message
            assert "words must be kind" in message
        world.refresh()
        assert world.service.dispatcher.wait_idle(60)
        assert len(world.service.parts.store.revisions("demo")) == 1
        webhook.answer, webhook.fails_once = "allowed", True
        world.push("app/words.yaml", config_map(word="kind"))
        world.refresh()
        world.settled()
    made = world.service.reading.revision("demo", 2)
    assert (made.state, made.attempts) == (RevisionState.SUCCEEDED, 2)
    assert False in webhook.asked


def test_a_newer_commit_does_not_wait_for_the_retries_of_an_older_one(
    world: World, webhook: Webhook
) -> None:
    hour = {"limit": 5, "backoff": {"duration": "1h", "maxDuration": "1h"}}
    with webhook.serve():
        webhook.fails_once = True
        world.push("app/words.yaml", config_map())
        world.declare(syncPolicy={"retry": hour, "timeout": "2h"})
        world.wait_for(lambda: "words failed" in world.story(), "the first attempt's end")
        world.push("app/words.yaml", config_map(word="two"))
        world.refresh()
        world.settled()
    newer, older = world.service.reading.revisions("demo")
    assert (newer.healthy, older.state) == (True, RevisionState.SUPERSEDED)


BEFORE = """\
apiVersion: v1
kind: ServiceAccount
metadata:
  name: before
  annotations: {gitops.dev/hook: PreSync}
"""


@pytest.mark.parametrize("automated", [True, False], ids=["by itself", "by hand"])
def test_a_retry_is_of_what_git_has_then_where_that_is_asked_for(
    world: World, webhook: Webhook, *, automated: bool
) -> None:
    hour = {"limit": 1, "backoff": {"duration": "1h", "maxDuration": "1h"}, "refresh": True}
    policy = {"retry": hour, "timeout": "2h", "onNewRevision": "queue"}
    with webhook.serve():
        webhook.fails_once = True
        world.repo.write("app/before.yaml", BEFORE)
        world.push("app/words.yaml", config_map())
        world.declare(syncPolicy=policy | {"automated": {"enabled": automated}})
        after = world.service.events.newest
        ticket = 0 if automated else world.service.sync("demo", SyncOptions(), BY_HAND)
        world.wait_for(lambda: "words failed" in world.story(), "the first attempt's end")
        world.push("app/words.yaml", config_map(word="two"))
        world.refresh()
        world.settled()
    newer, older = world.service.reading.revisions("demo")
    assert (newer.healthy, older.state) == (True, RevisionState.SUPERSEDED)
    assert automated or newer.trigger == BY_HAND
    if ticket:
        done = world.service.outcome_of("demo", ticket, after, 60)
        assert done is not None
        assert (done.revision, done.data["state"]) == (2, "succeeded")


def test_a_commit_that_somebody_named_is_left_for_no_newer_one(
    world: World, webhook: Webhook
) -> None:
    hour = {"limit": 1, "backoff": {"duration": "1h", "maxDuration": "1h"}, "refresh": True}
    with webhook.serve():
        webhook.fails_once = True
        sha = world.push("app/words.yaml", config_map())
        policy = {"retry": hour, "timeout": "2h", "automated": {"enabled": False}}
        world.declare(syncPolicy=policy)
        world.service.sync("demo", SyncOptions(commit=sha), BY_HAND)
        world.wait_for(lambda: "words failed" in world.story(), "the first attempt's end")
        world.push("app/words.yaml", config_map(word="two"))
        world.service.poll(world.repo.url)
        waits = world.service.dispatcher.superseded
        eventually(lambda: waits("demo", frozenset({MOVED})), "the newer commit to wait")
        world.service.cancel("demo", BY_HAND)
        first = world.closed()
    assert (first.state, first.message) == (
        RevisionState.INTERRUPTED, f"cancelled by {BY_HAND.actor}"
    )  # fmt: skip


SORRY = """\
apiVersion: batch/v1
kind: Job
metadata:
  name: sorry
  annotations: {gitops.dev/hook: SyncFail, gitops.dev/hook-delete-policy: HookSucceeded}
spec:
  template:
    spec:
      restartPolicy: Never
      containers: [{name: work, image: "registry.example/work:v1"}]
"""


@pytest.mark.parametrize(
    "policy",
    [
        {"retry": {"limit": 0}},
        {"retry": {"backoff": {"duration": "1h", "maxDuration": "1h"}}, "timeout": "20s"},
    ],
    ids=["retries", "timeout"],
)
def test_sync_fail_hooks_run_too_when_retries_or_time_ran_out(
    world: World, webhook: Webhook, kubectl: Kubectl, policy: dict[str, Any]
) -> None:
    with webhook.serve():
        webhook.fails_once = True
        world.repo.write("app/sorry.yaml", SORRY)
        world.push("app/words.yaml", config_map())
        world.declare(syncPolicy=policy)
        failed = world.closed()
    assert (failed.state, failed.attempts) == (RevisionState.FAILED, 1)
    assert "failed calling webhook" in failed.message
    found = {outcome.id.name: outcome.outcome for outcome in failed.outcomes}
    assert found == {"words": OutcomeKind.FAILED, "sorry": OutcomeKind.CREATED}
    jobs = ("-n", world.namespace, "get", "jobs", "-o", "name")
    eventually(lambda: not kubectl(*jobs), "it goes as its policy says")


def test_a_policy_that_denies_is_passed_on_in_its_words(world: World, kubectl: Kubectl) -> None:
    name, api = world.namespace, "admissionregistration.k8s.io/v1"
    selector = {"matchLabels": {"kubernetes.io/metadata.name": name}}
    match = {"resourceRules": [CONFIG_MAPS], "namespaceSelector": selector}
    validation = {"expression": "object.data.word == 'kind'", "message": "words must be kind"}
    policy = {"matchConstraints": match, "validations": [validation], "failurePolicy": "Fail"}
    binding = {"policyName": name, "validationActions": ["Deny"]}
    kubectl.apply(
        {"apiVersion": api, "kind": "ValidatingAdmissionPolicy", "metadata": {"name": name},
         "spec": policy},
        {"apiVersion": api, "kind": "ValidatingAdmissionPolicyBinding", "metadata": {"name": name},
         "spec": binding},
    )  # fmt: skip
    probe = ("create", "configmap", "probe", "--from-literal=word=one", "--dry-run=server")
    try:
        eventually(lambda: "must be kind" in kubectl.try_("-n", name, *probe).stderr, "the policy")
        world.push("app/words.yaml", config_map())
        world.declare()
        refused = world.closed()
        assert refused.state is RevisionState.FAILED
        for message in (refused.message, world.message("ValidatingAdmissionPolicy")):
            assert "ValidatingAdmissionPolicy" in message
            assert "denied request: words must be kind" in message
        world.push("app/words.yaml", config_map(word="kind"))
        world.refresh()
        world.settled()
    finally:
        kubectl("delete", "validatingadmissionpolicy,validatingadmissionpolicybinding", name)


SECRET = "apiVersion: v1\nkind: Secret\nmetadata: {name: %s}\n"


def test_a_quota_that_is_exceeded_is_told_with_what_to_do(world: World, kubectl: Kubectl) -> None:
    where = ("-n", world.namespace)
    kubectl(*where, "create", "quota", "small", "--hard=count/secrets=1")
    used = "jsonpath={.status.used}"
    eventually(lambda: kubectl(*where, "get", "quota", "small", "-o", used), "the quota")
    world.push("app/secrets.yaml", SECRET % "one" + "---\n" + SECRET % "two")
    world.declare()
    refused = world.closed()
    assert refused.state is RevisionState.FAILED
    for message in (refused.message, world.message("exceeded quota")):
        assert "exceeded quota: small" in message
        assert "ask for less, or raise the quota" in message
        assert len(message) < 400
    ends = {outcome.outcome for outcome in refused.outcomes}
    assert ends == {OutcomeKind.CREATED, OutcomeKind.FAILED}
    kubectl(*where, "patch", "quota", "small", "-p", '{"spec": {"hard": {"count/secrets": "2"}}}')
    assert world.sync().data["state"] == "succeeded"
    world.settled()


def immutable(version: int, annotations: str = "") -> str:
    """A Service, a Deployment and a Job with a field that cannot be changed, by version."""
    address = f"10.96.0.{77 + version}"  # in the part that is never given out by itself
    return f"""\
apiVersion: v1
kind: Service
metadata: {{name: web{annotations}}}
spec: {{clusterIP: {address}, ports: [{{port: 80}}]}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web{annotations}}}
spec:
  replicas: 0
  selector: {{matchLabels: {{app: web{version}}}}}
  template:
    metadata: {{labels: {{app: web{version}}}}}
    spec: {{containers: [{{name: web, image: registry.example/web:v1}}]}}
---
apiVersion: batch/v1
kind: Job
metadata: {{name: once{annotations}}}
spec:
  template:
    spec:
      restartPolicy: Never
      containers: [{{name: once, image: "registry.example/job:v{version}"}}]
"""


def test_fields_that_cannot_be_changed_are_told_with_the_way_out(
    world: World, kubectl: Kubectl
) -> None:
    world.push("app/all.yaml", immutable(0))
    world.declare()
    world.settled()

    def uids() -> str:
        kinds = ["service/web", "deployment/web", "job/once"]
        return kubectl("-n", world.namespace, "get", *kinds, "-o", "jsonpath={..metadata.uid}")

    before = uids()
    world.push("app/all.yaml", immutable(1))
    world.refresh()
    refused = world.closed(number=2)
    assert refused.state is RevisionState.FAILED
    for title in ("Service", "Deployment", "Job"):
        (said,) = [s for s in refused.message.split("; app/") if f"{title} {world.namespace}" in s]
        assert "gitops.dev/sync-options: Replace=true" in said
        assert len(said) < 400
    assert uids() == before, "nothing was written"
    assert "Replace=true" in world.status().message
    world.push(
        "app/all.yaml", immutable(1, ", annotations: {gitops.dev/sync-options: Replace=true}")
    )
    world.refresh()
    world.settled()
    assert not set(uids().split()) & set(before.split())


def odd(group: str, conversion: dict[str, Any]) -> dict[str, Any]:
    """A CustomResourceDefinition in two versions."""
    schema = {"openAPIV3Schema": {"type": "object"}}
    versions = [
        {"name": name, "served": True, "storage": name == "v1", "schema": schema}
        for name in ("v1", "v2")
    ]
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"odds.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"kind": "Odd", "plural": "odds"},
            "versions": versions,
            "conversion": conversion,
        },
    }


def test_a_kind_that_cannot_be_converted_holds_up_no_other(world: World, kubectl: Kubectl) -> None:
    group = f"{world.namespace}.example.com"
    client = {"url": "https://127.0.0.1:1/"}
    broken = {"clientConfig": client, "conversionReviewVersions": ["v1"]}
    kubectl.apply(odd(group, {"strategy": "None"}))
    try:
        kubectl.wait("condition=Established", "crd", f"odds.{group}")
        world.repo.write(
            "app/odd.yaml", f"apiVersion: {group}/v1\nkind: Odd\nmetadata: {{name: odd}}\n"
        )
        world.push("app/words.yaml", config_map())
        world.declare(syncPolicy={"healthDeadline": "5s", "retry": {"limit": 0}})
        world.settled()
        kubectl.apply(odd(group, {"strategy": "Webhook", "webhook": broken}))
        asked = ("-n", world.namespace, "get", f"odds.v2.{group}")
        eventually(lambda: "conversion webhook" in kubectl.try_(*asked).stderr, "the fault")
        world.restart()
        world.wait_for(lambda: "conversion webhook" in world.status().message, "what is told")
        world.push("app/words.yaml", config_map(word="two"))
        world.refresh()
        tried = world.closed(number=2)
        done = {o.id.kind: o.outcome for o in tried.outcomes}
        assert done["ConfigMap"] is OutcomeKind.CONFIGURED
        assert f"Odd {world.namespace}/odd was Unknown when its deadline passed" in tried.message
        for looks in (2, 3):
            world.refresh()
            world.wait_for(
                lambda n=looks: world.service.reading.revision("demo", 2).count >= n, "a repeat"
            )
        assert world.service.reading.revisions("demo")[0].number == 2, "one cause, one revision"
    finally:
        kubectl.apply(odd(group, {"strategy": "None"}))
        kubectl("delete", "crd", f"odds.{group}", "--wait=false")
