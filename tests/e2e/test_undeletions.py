"""What a sync or a deletion took away is kept as it lived, and comes back when asked for."""

from pathlib import Path

import pytest
import yaml

from gitops.engine.orders.undelete import UndeleteOptions
from gitops.errors import ConflictError, NotFoundError
from gitops.model.events import Event
from gitops.model.revision import Revision, RevisionKind
from tests.helpers.killable import Kill, Killable
from tests.helpers.service import BY_HAND, World, config_map, deployment
from tests.helpers.walk import Walk, outcomes

SECRET = """\
apiVersion: v1
kind: Secret
metadata:
  name: keys
stringData:
  password: a-planted-password
"""

WEB = (
    deployment("web")
    + """\
---
apiVersion: v1
kind: Service
metadata:
  name: web
spec:
  type: NodePort
  selector: {app: web}
  ports: [{port: 80}]
"""
)


def undelete(walk: Walk, number: int, *resources: str) -> Event:
    """Bring back what a revision deleted, and wait for the end."""
    after = walk.service.events.newest
    ticket = walk.service.undelete("demo", UndeleteOptions(number, resources), BY_HAND)
    done = walk.service.outcome_of("demo", ticket, after, 60)
    assert done is not None, walk.world.story()
    return done


def copies(world: World, revision: Revision) -> dict[str, dict]:
    """The live copies that a revision kept, by name."""
    found = world.service.parts.loader.documents.load(revision.live or "")
    return {copy.id.name: dict(copy.body) for copy in found}


def test_a_prune_keeps_live_copies_encrypted(walk: Walk) -> None:
    walk.world.repo.write("app/keys.yaml", SECRET)
    walk.world.push("app/words.yaml", config_map())
    walk.world.declare()
    assert walk.settled("demo").revision == 1
    walk.kubectl("-n", walk.namespace, "annotate", "secret", "keys", "example.com/by=hand")
    walk.world.repo.remove("app/keys.yaml")
    kept = walk.publish("demo", "Remove the keys")
    assert walk.service.reading.revision("demo", 1).live is None
    [copy] = copies(walk.world, kept).values()
    assert copy["data"] == {"password": "YS1wbGFudGVkLXBhc3N3b3Jk"}
    assert copy["metadata"]["annotations"]["example.com/by"] == "hand"
    walk.world.running.stop()
    database = (walk.world.settings.state_dir / "gitops.db").read_bytes()
    assert b"YS1wbGFudGVkLXBhc3N3b3Jk" not in database
    assert b"a-planted-password" not in database


def test_pruned_objects_come_back_as_they_lived_and_stay(walk: Walk) -> None:
    for name, text in (("keys", SECRET), ("web", WEB), ("words", config_map())):
        walk.world.repo.write(f"app/{name}.yaml", text)
    walk.world.push("app/stays.yaml", config_map("stays"))
    walk.world.declare()
    assert walk.settled("demo").revision == 1
    walk.kubectl("-n", walk.namespace, "annotate", "secret", "keys", "example.com/by=hand")
    for name in ("keys", "web", "words"):
        walk.world.repo.remove(f"app/{name}.yaml")
    assert outcomes(walk.publish("demo", "Remove most"))["Secret/keys"] == "deleted"

    done = undelete(walk, 2)
    assert (done.data["state"], done.revision) == ("succeeded", 3)
    back = walk.service.reading.revision("demo", 3)
    assert (back.kind, back.source, back.trigger) == (RevisionKind.UNDELETE, 2, BY_HAND)
    assert set(outcomes(back)) == {
        "Secret/keys", "Service/web", "Deployment/web", "ConfigMap/words",
    }  # fmt: skip
    assert b"YS1wbGFudGVk" not in (walk.service.reading.stored_plan("demo", 3) or b"")
    keys = walk.live("secret/keys")
    assert keys["data"] == {"password": "YS1wbGFudGVkLXBhc3N3b3Jk"}
    assert keys["metadata"]["annotations"]["example.com/by"] == "hand"

    walk.world.refresh()
    status = walk.at_rest("demo")
    assert (status.pin and status.pin.revision, status.sync) == (3, "OutOfSync")
    assert walk.newest("demo").number == 3
    walk.kubectl("-n", walk.namespace, "delete", "configmap", "words")
    assert outcomes(walk.world.closed("demo", 4)) == {"ConfigMap/words": "created"}
    walk.world.restart()
    walk.world.refresh()
    walk.at_rest("demo")
    assert walk.newest("demo").number == 4

    walk.world.repo.write("app/stays.yaml", config_map("stays", "changed"))
    ended = walk.publish("demo", "Change what stayed")
    assert outcomes(ended)["Secret/keys"] == "deleted"
    assert walk.settled("demo").pin is None


def test_what_exists_meanwhile_is_never_overwritten(walk: Walk) -> None:
    for name in ("one", "two", "stays"):
        walk.world.repo.write(f"app/{name}.yaml", config_map(name))
    walk.push("Add three")
    walk.world.declare()
    walk.settled("demo")
    walk.world.repo.remove("app/one.yaml")
    walk.world.repo.remove("app/two.yaml")
    walk.publish("demo", "Remove two")
    walk.kubectl.apply(config_map("one", "theirs"), namespace=walk.namespace)

    with pytest.raises(ConflictError) as raised:
        undelete(walk, 2)
    assert raised.value.message == (
        f"ConfigMap {walk.namespace}/one exists meanwhile, and nothing that exists is overwritten"
    )
    with pytest.raises(ConflictError, match="revision 1 deleted nothing"):
        undelete(walk, 1)
    with pytest.raises(NotFoundError, match='revision 2 deleted no object ":ConfigMap:stays"'):
        undelete(walk, 2, ":ConfigMap:stays")
    with pytest.raises(NotFoundError, match="has no revision 9"):
        undelete(walk, 9)
    assert walk.newest("demo").number == 2

    assert undelete(walk, 2, ":ConfigMap:two").data["state"] == "succeeded"
    assert outcomes(walk.world.closed("demo", 3)) == {"ConfigMap/two": "created"}
    assert walk.get("configmap/one", ".data.word") == "theirs"


def test_a_deleted_application_comes_back_pinned(walk: Walk) -> None:
    walk.world.repo.write("app/web.yaml", WEB)
    walk.world.push("app/words.yaml", config_map())
    walk.world.declare()
    walk.settled("demo")
    assert walk.delete("demo").data["state"] == "succeeded"
    walk.world.restart()
    assert walk.service.parts.registry.find("demo") is None

    done = undelete(walk, 2)
    assert (done.data["state"], done.revision) == ("succeeded", 3)
    assert walk.exists("configmap/words")
    assert walk.live("deployment/web")["spec"]["replicas"] == 1
    walk.world.refresh()
    status = walk.at_rest("demo")
    assert status.pin is not None
    assert status.pin.digest is None
    after = walk.service.events.newest
    ticket = walk.service.unpin("demo", BY_HAND)
    assert walk.service.outcome_of("demo", ticket, after, 60) is not None
    walk.settled("demo")
    assert walk.service.reading.verify(None).faults == ()


def test_a_deleted_application_of_which_nothing_comes_back_stays_deleted(walk: Walk) -> None:
    elsewhere = f"elsewhere-{walk.namespace.removeprefix('test-')}"
    walk.kubectl("create", "namespace", elsewhere)
    words = config_map().replace("  name: words", f"  name: words\n  namespace: {elsewhere}")
    walk.world.push("app/words.yaml", words)
    walk.world.declare()
    walk.settled("demo")
    walk.delete("demo")
    walk.kubectl("delete", "namespace", elsewhere)
    done = undelete(walk, 2)
    assert done.data["state"] == "failed"
    assert f"namespace {elsewhere} does not exist" in done.message
    assert walk.service.parts.registry.find("demo") is None
    assert (walk.service.parts.store.claims(), walk.service.parts.store.registered()) == ([], {})


def test_what_a_file_declared_has_to_be_declared_again_first(walk: Walk) -> None:
    walk.world.push("app/words.yaml", config_map())
    text = yaml.safe_load(walk.world.application("demo"))
    text["metadata"]["finalizers"] = ["resources-finalizer.argocd.argoproj.io"]
    walk.service.declarer.load_file(yaml.safe_dump(text), "apps.yaml")
    walk.settled("demo")
    walk.service.declarer.withdraw("demo", "file", "apps.yaml")
    walk.wait_told("demo", "unregistered")
    with pytest.raises(NotFoundError) as raised:
        undelete(walk, 2)
    assert raised.value.message == (
        'there is no application "demo", it was declared in apps.yaml:1'
    )
    assert raised.value.remedy == "declare it again first"


BOUND = """\
apiVersion: batch/v1
kind: Job
metadata:
  name: later
spec:
  suspend: true
  template:
    spec:
      restartPolicy: Never
      containers: [{name: one, image: registry.example/one:v1}]
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: data
  annotations: {gitops.dev/ignore-healthcheck: "true"}
spec:
  accessModes: [ReadWriteOnce]
  resources: {requests: {storage: 1Mi}}
---
apiVersion: v1
kind: ServiceAccount
metadata:
  name: robot
"""


def test_what_controllers_write_into_is_created_again_and_not_fought_over(walk: Walk) -> None:
    walk.world.push("app/bound.yaml", BOUND)
    walk.world.declare()
    assert walk.world.closed("demo", 1).state == "succeeded"
    assert walk.delete("demo").data["state"] == "succeeded"
    assert not walk.exists("job/later")
    done = undelete(walk, 2)
    assert (done.data["state"], done.revision) == ("succeeded", 3), done.message
    job = walk.live("job/later")
    assert job["spec"]["template"]["metadata"]["labels"]["job-name"] == "later"
    assert walk.exists("pvc/data")
    assert walk.exists("serviceaccount/robot")
    walk.world.refresh()
    walk.at_rest("demo")
    assert walk.kinds("demo")[2:] == [RevisionKind.UNDELETE]


def test_a_replacement_keeps_what_it_deletes(walk: Walk) -> None:
    text = SECRET.replace("stringData", "immutable: true\nstringData").replace(
        "  name: keys", "  name: keys\n  annotations: {gitops.dev/sync-options: Replace=true}"
    )
    walk.world.push("app/keys.yaml", text)
    walk.world.declare()
    walk.settled("demo")
    replaced = walk.change("demo", "app/keys.yaml", "a-planted-password", "another-password")
    assert outcomes(replaced) == {"Secret/keys": "replaced"}
    [copy] = copies(walk.world, replaced).values()
    assert copy["data"] == {"password": "YS1wbGFudGVkLXBhc3N3b3Jk"}
    with pytest.raises(ConflictError, match=r"Secret \S+/keys exists meanwhile"):
        undelete(walk, 2)


def killed(walk: Walk, log: Path, kill: Kill) -> list[str]:
    """Delete the application in a process that dies at this write; returns what it wrote."""
    walk.world.running.stop()
    process = Killable.run(walk.world.settings, log, kill, "delete demo")
    if process.wait_for(lambda event: bool(event["kind"] == "job-done")):
        process.stop()
    walk.world.restart()
    walk.world.wait_for(lambda: not walk.service.parts.store.states(), "the deletion's end")
    return process.writes()


def test_what_a_killed_process_had_deleted_comes_back(walk: Walk, tmp_path: Path) -> None:
    walk.world.repo.write("app/one.yaml", config_map("one"))
    walk.world.push("app/two.yaml", config_map("two"))
    walk.world.declare()
    walk.settled("demo")
    writes = killed(walk, tmp_path / "writes", Kill())
    first = next(n for n, write in enumerate(writes) if write.startswith("delete "))
    walk.world.declare()
    walk.settled("demo")
    killed(walk, tmp_path / "writes", Kill(first + 1, after=True))
    revision = walk.service.reading.revision("demo", 4)
    assert (revision.state, revision.outcomes) == ("interrupted", ())
    assert set(copies(walk.world, revision)) == {"one", "two"}
    assert undelete(walk, 4).data["state"] == "succeeded"
    assert walk.exists("configmap/one")
    assert walk.exists("configmap/two")
