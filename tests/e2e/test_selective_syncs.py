"""Syncs of a part of an application: by name, by exclusion, by label."""

import pytest

from gitops.engine.operations import ApproveOptions, SyncOptions
from gitops.errors import ConflictError
from gitops.model.revision import RecordKind, Revision, RevisionState, Selection
from gitops.ports.store import TrailQuery
from tests.helpers.walk import Walk, outcomes

BY_HAND = {"enabled": False}
WORDS = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: {name}
  labels: {labels}
data:
  word: {word}
"""
HOOK = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: before
  annotations: {gitops.dev/hook: PreSync}
"""


def words(name: str, labels: str, word: str = "one") -> str:
    return WORDS.format(name=name, labels=f"{{{labels}}}", word=word)


def start(walk: Walk, automated: dict[str, bool] | None = None) -> None:
    """Three objects in Git and a hook before them; by default nothing is synced by itself."""
    walk.world.repo.write("app/web.yaml", words("web", "tier: web, env: prod"))
    walk.world.repo.write("app/api.yaml", words("api", "tier: web, env: dev"))
    walk.world.repo.write("app/db.yaml", words("db", "tier: data"))
    walk.world.repo.write("app/before.yaml", HOOK)
    walk.push("Start")
    walk.world.declare(syncPolicy={"automated": automated or BY_HAND})
    walk.at_rest("demo")


def newest(walk: Walk) -> Revision:
    """The newest revision with its outcomes."""
    return walk.service.reading.revision("demo", walk.newest("demo").number)


def choose(walk: Walk, *resources: str, labels: tuple[str, ...] = (), prune: bool = False) -> str:
    """Sync what is chosen, and say how that ended."""
    options = SyncOptions(prune=prune, selection=Selection(resources, labels))
    done = walk.world.sync(options=options)
    return done.message if done.data["state"] == "failed" else str(done.data["state"])


def test_an_exclusion_syncs_all_but_that_and_no_hook(walk: Walk) -> None:
    start(walk)
    assert choose(walk, "!:ConfigMap:d*") == "succeeded"
    first = walk.service.reading.revision("demo", 1)
    assert outcomes(first) == {"ConfigMap/api": "created", "ConfigMap/web": "created"}
    assert (first.partial, first.selection) == (True, Selection(("!:ConfigMap:d*",)))
    assert not walk.exists("configmap/db")
    assert not walk.exists("configmap/before")
    opened, *_ = walk.service.reading.trail(TrailQuery(kind=RecordKind.REVISION_OPENED))
    told = opened.payload["revision"]["selection"]
    assert told == {"resources": ["!:ConfigMap:d*"], "labels": []}
    assert walk.at_rest("demo").sync == "OutOfSync"
    assert walk.world.sync().data["state"] == "succeeded"
    assert walk.exists("configmap/before"), "a full sync runs it"
    assert walk.service.reading.revision("demo", 2).selection is None


def test_labels_choose_by_what_git_says_now(walk: Walk) -> None:
    start(walk)
    assert choose(walk, labels=("tier=web,env notin (dev)",)) == "succeeded"
    assert outcomes(newest(walk)) == {"ConfigMap/web": "created"}
    walk.world.push("app/db.yaml", words("db", "tier: web, env: prod", "two"))
    assert choose(walk, labels=("tier=web,env=prod",)) == "succeeded"
    second = newest(walk)
    assert outcomes(second) == {"ConfigMap/db": "created", "ConfigMap/web": "unchanged"}
    assert second.selection == Selection((), ("tier=web,env=prod",))


@pytest.mark.parametrize(
    ("selection", "said"),
    [
        (Selection((":ConfigMap:wbe",)), 'no object of the application is ":ConfigMap:wbe"'),
        (Selection((), ("tier=gold",)), 'no object of the application has the labels "tier=gold"'),
        (Selection((), ("tier=",)), 'no object of the application has the labels "tier="'),
        (Selection((), ("tier==a b",)), '"b" is not expected there'),
        (Selection((":ConfigMap:before",)), "names hooks only, and a selective sync runs no hook"),
    ],
)
def test_a_selection_of_nothing_is_an_error_and_no_revision(
    walk: Walk, selection: Selection, said: str
) -> None:
    start(walk)
    done = walk.world.sync(options=SyncOptions(selection=selection))
    assert done.data["state"] == "failed"
    assert done.message.startswith("demo: ")
    assert said in done.message
    assert walk.service.edges.store.revisions("demo") == []


def test_what_git_no_longer_has_is_deleted_only_where_both_is_asked_for(walk: Walk) -> None:
    start(walk)
    walk.world.sync()
    walk.settled("demo")
    walk.world.repo.remove("app/api.yaml")
    walk.world.repo.remove("app/db.yaml")
    walk.push("Remove two")
    assert choose(walk, ":ConfigMap:api") == "succeeded"
    (kept,) = newest(walk).outcomes
    assert (str(kept.outcome), kept.message) == ("skipped", "pruning was not asked for")
    assert choose(walk, ":ConfigMap:web", prune=True) == "succeeded"
    assert walk.exists("configmap/api"), "another one was chosen"
    assert choose(walk, ":ConfigMap:api", prune=True) == "succeeded"
    assert outcomes(newest(walk)) == {"ConfigMap/api": "deleted"}
    assert not walk.exists("configmap/api")
    assert walk.exists("configmap/db")


def test_pruning_the_last_that_was_left_makes_it_synced(walk: Walk) -> None:
    start(walk, {"prune": False})
    walk.settled("demo")
    walk.world.repo.remove("app/db.yaml")
    walk.push("Remove one")
    walk.poll()
    status = walk.world.wait_for(
        lambda: (s := walk.world.status()).sync == "OutOfSync" and not s.busy and s, "left"
    )
    assert "db requires pruning" in status.message
    assert choose(walk, ":ConfigMap:db", prune=True) == "succeeded"
    assert walk.settled("demo").sync == "Synced"


def test_a_selection_never_deletes_everything_where_git_is_empty(walk: Walk) -> None:
    start(walk)
    walk.world.sync()
    walk.settled("demo")
    for name in ("web", "api", "db", "before"):
        walk.world.repo.remove(f"app/{name}.yaml")
    walk.world.repo.write("app/README.md", "Nothing here any more.\n")
    walk.push("Remove everything")
    choose(walk, "*:*:*", prune=True)
    assert walk.newest("demo").state is not RevisionState.SUCCEEDED
    assert walk.exists("configmap/web")


def test_a_held_selection_is_approved_as_it_was_chosen_and_nothing_else(walk: Walk) -> None:
    for name in ("web", "api"):
        walk.kubectl.apply(words(name, "tier: theirs"), namespace=walk.namespace)
    start(walk)
    assert choose(walk, ":ConfigMap:w*", ":ConfigMap:db") == "held"
    part = "demo --resource ':ConfigMap:w*' --resource :ConfigMap:db"
    look = f"look at `gitops sync {part} --dry-run`, then `gitops approve {part}`"
    assert newest(walk).message == f"ConfigMap {walk.namespace}/web exists already; {look}"
    with pytest.raises(ConflictError, match="revision 1 holds a part that was chosen"):
        walk.approve("demo")
    selection = Selection((":ConfigMap:w*", ":ConfigMap:db"))
    assert walk.approve("demo", ApproveOptions(selection=selection)).data["state"] == "succeeded"
    approved = newest(walk)
    assert outcomes(approved) == {"ConfigMap/web": "adopted", "ConfigMap/db": "created"}
    assert approved.selection == selection
    (record,) = walk.service.reading.trail(TrailQuery(kind=RecordKind.APPROVE))
    told = {"resources": [":ConfigMap:w*", ":ConfigMap:db"], "labels": []}
    assert record.payload["selection"] == told
    assert walk.get("configmap/api", ".metadata.labels.tier") == "theirs"
    assert walk.world.sync().data["state"] == "held", "the other one still asks"
    assert walk.approve("demo").data["state"] == "succeeded"
    assert walk.get("configmap/api", ".metadata.labels.tier") == "web"


def test_a_held_deletion_of_what_was_chosen_is_approved_with_prune(walk: Walk) -> None:
    confirm = "metadata:\n  annotations: {gitops.dev/sync-options: Prune=confirm}\n"
    start(walk)
    walk.world.repo.write("app/db.yaml", words("db", "").replace("metadata:\n", confirm))
    walk.push("Ask before it goes")
    walk.world.sync()
    walk.settled("demo")
    walk.world.repo.remove("app/db.yaml")
    walk.push("Remove one")
    assert choose(walk, ":ConfigMap:db", prune=True) == "held"
    assert "`gitops approve demo --resource :ConfigMap:db --prune`" in newest(walk).message
    selection = Selection((":ConfigMap:db",))
    with pytest.raises(ConflictError, match="nothing is held"):
        walk.approve("demo", ApproveOptions(selection=selection))
    done = walk.approve("demo", ApproveOptions(selection=selection, prune=True))
    assert done.data["state"] == "succeeded"
    assert not walk.exists("configmap/db")
    assert walk.exists("configmap/web")
