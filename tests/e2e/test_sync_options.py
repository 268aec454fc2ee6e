"""Sync options of applications and objects, ours, Argo CD's and Flux's, on a real API server."""

import json

import yaml

from gitops.model.revision import RevisionKind, RevisionState
from tests.helpers.controlplane import eventually
from tests.helpers.service import config_map, deployment
from tests.helpers.walk import Walk, outcomes

WIDGET = """\
apiVersion: {group}/v1
kind: Widget
metadata:
  name: one
  annotations:
    gitops.dev/sync-wave: "1"
    argocd.argoproj.io/sync-options: SkipDryRunOnMissingResource=true
spec: {{size: 1}}
"""


def annotate(text: str, key: str, value: str) -> str:
    """The first object of a text with one annotation."""
    return text.replace("metadata:\n", f"metadata:\n  annotations: {{{key}: '{value}'}}\n", 1)


def start(walk: Walk, *texts: str, **policy: object) -> None:
    for number, text in enumerate(texts):
        walk.world.repo.write(f"app/{number}.yaml", text)
    walk.push("Start")
    walk.world.declare(syncPolicy=policy)
    assert walk.world.closed().healthy, walk.world.story()
    walk.settled("demo")


def by_hand(walk: Walk, *args: str, text: str | None = None) -> None:
    walk.kubectl("-n", walk.namespace, *args, input=text)


def word(walk: Walk) -> str:
    return walk.get("configmap/words", ".data.word")


def test_what_is_created_once_belongs_to_whoever_changes_it(walk: Walk) -> None:
    seed = annotate(config_map(), "kustomize.toolkit.fluxcd.io/ssa", "IfNotPresent")
    start(walk, seed, config_map("other"))
    by_hand(walk, "patch", "configmap/words", "-p", '{"data":{"word":"mine"}}')
    walk.world.repo.write("app/0.yaml", seed.replace("one", "two"))
    second = walk.change("demo", "app/1.yaml", "word: one", "word: two")
    assert outcomes(second) == {"ConfigMap/other": "configured", "ConfigMap/words": "unchanged"}
    assert word(walk) == "mine"
    assert walk.settled("demo").sync == "Synced"
    heal = walk.after("demo", lambda: by_hand(walk, "delete", "configmap/words"))
    assert (heal.kind, outcomes(heal)) == (RevisionKind.HEAL, {"ConfigMap/words": "created"})
    assert word(walk) == "two"


def test_what_exists_and_is_only_to_be_created_is_not_taken(walk: Walk) -> None:
    by_hand(walk, "create", "configmap", "words", "--from-literal=word=theirs")
    start(walk, annotate(config_map(), "gitops.dev/sync-options", "CreateOnly=true"))
    assert word(walk) == "theirs"
    assert "gitops.dev/tracking" not in json.dumps(walk.live("configmap/words"))
    walk.world.repo.write("app/0.yaml", config_map("elsewhere"))
    walk.publish("demo")
    assert word(walk) == "theirs", "what was never ours is not deleted"


def test_a_live_object_is_left_alone_while_its_annotation_says_so(walk: Walk) -> None:
    start(walk, config_map(), config_map("other"))
    key = "kustomize.toolkit.fluxcd.io/reconcile"
    by_hand(walk, "annotate", "configmap/words", f"{key}=disabled")
    by_hand(walk, "patch", "configmap/words", "-p", '{"data":{"word":"mine"}}')
    by_hand(walk, "patch", "configmap/other", "-p", '{"data":{"word":"mine"}}')
    walk.world.closed(number=2)
    assert (word(walk), walk.get("configmap/other", ".data.word")) == ("mine", "one")
    walk.world.repo.write("app/0.yaml", config_map(word="two"))
    third = walk.change("demo", "app/1.yaml", "word: one", "word: two")
    assert outcomes(third)["ConfigMap/words"] == "unchanged"
    assert word(walk) == "mine"
    walk.after("demo", lambda: by_hand(walk, "annotate", "configmap/words", f"{key}-"))
    assert word(walk) == "two"


def test_a_manifest_that_is_left_alone_is_neither_made_nor_deleted(walk: Walk) -> None:
    ignored = annotate(config_map(), "kustomize.toolkit.fluxcd.io/ssa", "Ignore")
    start(walk, ignored, config_map("other"))
    assert not walk.exists("configmap/words")
    walk.change("demo", "app/1.yaml", "name: other", "name: another")
    assert (walk.exists("configmap/other"), walk.exists("configmap/another")) == (False, True)


def test_unknown_fields_are_left_out_without_validation(walk: Walk) -> None:
    text = deployment().replace("  replicas: 1\n", "  replicas: 1\n  replica: 2\n")
    start(walk, annotate(text, "gitops.dev/sync-options", "Validate=false"))
    assert walk.get("deployment/web", ".spec.replicas") == "1"
    again = walk.world.sync()
    assert "already synced" in again.message


def test_ignored_fields_keep_their_live_values_where_they_are_respected(walk: Walk) -> None:
    ignore = [{"group": "apps", "kind": "Deployment", "jsonPointers": ["/spec/replicas"]}]
    walk.world.repo.write("app/0.yaml", deployment())
    walk.push("Start")
    policy = {"syncOptions": ["RespectIgnoreDifferences=true"]}
    walk.world.declare(syncPolicy=policy, ignoreDifferences=ignore)
    assert walk.world.closed().healthy
    walk.settled("demo")
    by_hand(walk, "patch", "deployment/web", "-p", '{"spec":{"replicas":3}}')
    second = walk.change("demo", "app/0.yaml", "web:v1", "web:v2")
    assert second.healthy
    assert walk.get("deployment/web", ".spec.replicas") == "3"
    walk.settled("demo")


def test_pruning_leaves_what_an_object_owns_where_it_is_asked_to(walk: Walk) -> None:
    start(walk, deployment(), config_map(), syncOptions=["PrunePropagationPolicy=orphan"])
    walk.path("app/0.yaml").unlink()
    pruned = walk.publish("demo")
    assert outcomes(pruned)["Deployment/web"] == "deleted"
    sets = walk.kubectl.json("-n", walk.namespace, "get", "replicasets")["items"]
    assert [s["metadata"].get("ownerReferences") for s in sets] == [None]


def test_an_unknown_kind_is_asked_for_when_its_wave_comes(walk: Walk) -> None:
    group = walk.namespace + ".example.com"
    walk.world.repo.write("app/0.yaml", config_map())
    walk.world.repo.write("app/1.yaml", WIDGET.format(group=group))
    walk.push("Start")
    walk.world.declare(syncPolicy={"retry": {"limit": 0}})
    first = walk.world.closed()
    assert first.state is RevisionState.FAILED
    assert outcomes(first) == {"ConfigMap/words": "created", "Widget/one": "failed"}
    names = {"plural": "widgets", "singular": "widget", "kind": "Widget"}
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"widgets.{group}"},
        "spec": {"group": group, "names": names, "scope": "Namespaced", "versions": [version]},
    }
    walk.kubectl("apply", "-f", "-", input=json.dumps(definition))
    walk.kubectl.wait("condition=Established", f"crd/widgets.{group}")
    assert walk.world.sync().data["state"] == "succeeded", walk.world.story()
    assert walk.exists(f"widgets.{group}/one")
    walk.delete("demo")
    walk.kubectl("delete", f"crd/widgets.{group}")


def test_without_migration_what_kubectl_applied_stays_its_own(walk: Walk) -> None:
    by_hand(walk, "apply", "-f", "-", text=config_map() + "  more: theirs\n")
    start(walk, config_map(), adopt="auto", syncOptions=["ClientSideApplyMigration=false"])
    assert walk.live("configmap/words")["data"] == {"word": "one", "more": "theirs"}
    entries = walk.kubectl("-n", walk.namespace, "get", "configmap/words", "-o", "json",
                           "--show-managed-fields")  # fmt: skip
    managers = {e["manager"] for e in json.loads(entries)["metadata"]["managedFields"]}
    assert "kubectl-client-side-apply" in managers
    eventually(lambda: walk.world.status().sync == "Synced")


def test_the_namespace_gets_its_metadata_and_keeps_that_of_others(walk: Walk) -> None:
    room = f"room-{walk.namespace}"
    walk.kubectl("create", "namespace", room)
    walk.kubectl("label", "namespace", room, "team=theirs")

    def declare(**labels: str) -> None:
        policy = {
            "syncOptions": ["CreateNamespace=true"],
            "managedNamespaceMetadata": {"labels": labels, "annotations": {"note": "ours"}},
        }
        walk.world.declare(destination={"namespace": room}, syncPolicy=policy)

    walk.world.push("app/0.yaml", config_map())
    declare(tier="gold", old="yes")
    first = walk.world.closed()
    assert first.healthy, walk.world.story()
    assert outcomes(first) == {f"Namespace/{room}": "configured", "ConfigMap/words": "created"}
    declare(tier="silver")
    second = walk.change("demo", "app/0.yaml", "word: one", "word: two")
    assert outcomes(second)[f"Namespace/{room}"] == "configured"
    metadata = walk.live(f"namespace/{room}")["metadata"]
    labels = {k: v for k, v in metadata["labels"].items() if "kubernetes.io" not in k}
    assert (labels, metadata["annotations"]) == (
        {"team": "theirs", "tier": "silver"},
        {"note": "ours"},
    )
    third = walk.change("demo", "app/0.yaml", "word: two", "word: three")
    assert f"Namespace/{room}" not in outcomes(third)
    assert walk.delete("demo").data["state"] == "succeeded"
    assert walk.exists(f"namespace/{room}")


# --- what waits for approval ----------------------------------------------------------------------

CONFIRM_PRUNE = "argocd.argoproj.io/sync-options", "Prune=confirm"


def held_prune(walk: Walk) -> None:
    start(walk, annotate(config_map(), *CONFIRM_PRUNE), config_map("other"))
    walk.path("app/0.yaml").unlink()
    held = walk.publish("demo")
    assert held.state is RevisionState.HELD
    assert held.message == (
        f"ConfigMap {walk.namespace}/words: an annotation asks for approval (Prune=confirm); "
        "look at `gitops plan demo`, then `gitops approve demo`"
    )
    assert walk.exists("configmap/words")


def test_what_asks_for_confirmation_is_pruned_once_it_is_approved(walk: Walk) -> None:
    held_prune(walk)
    assert walk.approve("demo").data["state"] == "succeeded"
    assert not walk.exists("configmap/words")


def test_an_annotation_of_the_application_approves_what_was_held_before(walk: Walk) -> None:
    held_prune(walk)
    body = yaml.safe_load(walk.world.application(syncPolicy={}))
    key = "argocd.argoproj.io/deletion-approved"
    body["metadata"]["annotations"] = {key: "2020-01-01T00:00:00Z"}
    walk.declare(yaml.safe_dump(body))
    walk.at_rest("demo")
    assert walk.exists("configmap/words"), "approved long before"
    body["metadata"]["annotations"] = {key: walk.service.edges.clock.now().isoformat()}
    third = walk.after("demo", lambda: walk.declare(yaml.safe_dump(body)))
    assert (third.state, outcomes(third)["ConfigMap/words"]) == (RevisionState.SUCCEEDED, "deleted")
    assert not walk.exists("configmap/words")


def test_a_deletion_waits_for_what_asks_for_confirmation(walk: Walk) -> None:
    guarded = annotate(config_map(), "gitops.dev/sync-options", "Delete=confirm")
    start(walk, guarded, config_map("other"))
    assert walk.delete("demo").data["state"] == "held"
    status = walk.at_rest("demo")
    assert status.message == (
        f"is being deleted: revision 2: ConfigMap {walk.namespace}/words asks for approval; "
        "look at `gitops plan demo`, then `gitops approve demo`"
    )
    assert walk.exists("configmap/words")
    assert walk.exists("configmap/other"), "nothing goes before"
    assert walk.approve("demo").data["state"] == "succeeded"
    assert not walk.exists("configmap/words")
    assert not walk.exists("configmap/other")


def test_what_outlives_its_application_no_longer_carries_its_marks(walk: Walk) -> None:
    kept = annotate(config_map(), "helm.sh/resource-policy", "keep")
    start(walk, kept, config_map("other"))
    assert walk.delete("demo").data["state"] == "succeeded"
    assert "gitops.dev" not in json.dumps(walk.live("configmap/words")["metadata"])
    assert not walk.exists("configmap/other")
