"""From one object's sides to its action: memory, the local difference, the server's answer."""

import json
from dataclasses import replace
from typing import Any

import pytest

from gitops.core.diff.ignore import DiffOptions
from gitops.core.manifests.normalize import manifest_digest
from gitops.core.ownership.marks import stamp
from gitops.core.ownership.owners import LastApplied
from gitops.core.ownership.projection import answer_digest
from gitops.core.planning.plan import (
    Memory,
    Subject,
    change_later,
    create,
    deletion,
    is_claimed,
    later,
    remark,
    replacement,
    settle_by_answer,
    settle_by_memory,
    settle_by_wish,
    settle_locally,
    unclaimed_manager,
)
from gitops.model.application import IgnoreRule
from gitops.model.diff import ActionKind
from gitops.model.objects import Live, Manifest, ObjectId
from gitops.model.plan import Action, Fault, Found, Hook, Phase
from gitops.openapi.loader import load_builtin

SHAPES = load_builtin()
PLAIN = DiffOptions()

SPEC_FIELDS = {"f:replicas": {}, "f:paused": {}}


def web(**spec: Any) -> dict[str, Any]:
    metadata = {"name": "web", "namespace": "shop"}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}


def marked(body: dict[str, Any]) -> dict[str, Any]:
    return stamp(body, "demo", "12345678", Manifest.of(body).id)


def owned(body: dict[str, Any], fields: dict[str, Any]) -> dict[str, Any]:
    """A live object on which an Apply entry of ours has these fields of the spec."""
    entry = {
        "manager": "gitops", "operation": "Apply", "apiVersion": "apps/v1",
        "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": fields},
    }  # fmt: skip
    facts = {"uid": "u1", "resourceVersion": "7", "managedFields": [entry]}
    return {**body, "metadata": {**body["metadata"], **facts}}


def live(body: dict[str, Any], *, deleting: bool = False) -> Live:
    identity = Manifest.of(body).id
    text = json.dumps(body).encode()
    return Live(identity, body["apiVersion"], "u1", "7", text, deleting=deleting)


def subject(body: dict[str, Any], actual: dict[str, Any] | None = None, **more: Any) -> Subject:
    stamped = marked(body)
    seen = live(actual) if actual else None
    digest = answer_digest(actual) if actual else ""
    facts = {"live": seen, "live_digest": digest, **more}
    return Subject(Manifest.of(body), stamped, manifest_digest(stamped), **facts)


def applied(body: dict[str, Any], actual: dict[str, Any], **more: Any) -> Subject:
    """A subject that was applied as it is desired, with the answer that stands."""
    made = subject(body, actual)
    memory = Memory(made.digest, made.live_digest, **more)
    return replace(made, memory=memory)


STANDING = owned(marked(web(replicas=2)), {"f:replicas": {}})


# --- memory -------------------------------------------------------------------------------------


def test_what_was_applied_and_stands_needs_nothing() -> None:
    action = settle_by_memory(applied(web(replicas=2), STANDING))
    assert action is not None
    assert (action.kind, action.found) == (ActionKind.NONE, Found.REMEMBERED)


@pytest.mark.parametrize(
    "one",
    [
        subject(web(replicas=2), STANDING),
        subject(web(replicas=2)),
        replace(applied(web(replicas=2), STANDING), live_digest="another"),
        replace(applied(web(replicas=2), STANDING), digest="another"),
        replace(applied(web(replicas=2), STANDING), live=live(STANDING, deleting=True)),
        replace(applied(web(replicas=2), STANDING), memory=Memory()),
    ],
    ids=["never applied", "missing", "drifted", "desired anew", "going", "no answer"],
)
def test_memory_does_not_settle_what_it_does_not_know(one: Subject) -> None:
    assert settle_by_memory(one) is None


def test_a_contested_object_rests_until_desired_changes() -> None:
    contested = applied(web(replicas=2), STANDING, contested="somebody")
    action = settle_by_memory(contested)
    assert action is not None
    assert action.reason == "contested: somebody keeps changing it"
    assert settle_by_memory(replace(contested, digest="another")) is None


# --- the local difference -----------------------------------------------------------------------


def test_equal_is_equal_without_a_request() -> None:
    action = settle_locally(subject(web(replicas=2), STANDING), SHAPES, PLAIN)
    assert action is not None
    assert (action.kind, action.found, action.uid) == (ActionKind.NONE, Found.LOCAL, "u1")


@pytest.mark.parametrize(
    "one",
    [
        subject(web(replicas=3), STANDING),
        subject(web(replicas=2)),
        subject(web(replicas=2), marked(web(replicas=2))),
        subject(web(replicas=2), owned(web(replicas=2), {"f:replicas": {}})),
        replace(subject(web(replicas=2), STANDING), hook=Hook((Phase.PRE_SYNC,))),
        replace(subject(web(replicas=2), STANDING), live=live(STANDING, deleting=True)),
        subject({**web(replicas=2), "apiVersion": "apps/v2"}, STANDING),
    ],
    ids=[
        "differs",
        "missing",
        "no entry of ours",
        "without our marks",
        "a hook",
        "going",
        "version",
    ],
)
def test_what_cannot_be_decided_here_is_left_to_the_server(one: Subject) -> None:
    assert settle_locally(one, SHAPES, PLAIN) is None


# --- the server's answer ------------------------------------------------------------------------


def test_an_answer_that_changes_nothing_needs_nothing() -> None:
    action = settle_by_answer(applied(web(replicas=2), STANDING), STANDING, STANDING, SHAPES, PLAIN)
    assert (action.kind, action.found) == (ActionKind.NONE, Found.DRY_RUN)


def test_an_answer_says_what_changes_and_why() -> None:
    answer = owned(marked(web(replicas=3)), {"f:replicas": {}})
    drifted = applied(web(replicas=3), STANDING)
    action = settle_by_answer(drifted, STANDING, answer, SHAPES, PLAIN)
    assert (action.kind, action.reason) == (ActionKind.SCALE, "drifted")
    newer = replace(drifted, memory=Memory("another", "x"))
    action = settle_by_answer(newer, STANDING, answer, SHAPES, PLAIN)
    assert (action.reason, action.uid) == ("desired has changed", "u1")
    assert action.diff is not None
    assert action.diff.changes == ("scale web 2→3",)


def test_what_apply_leaves_is_removed_besides() -> None:
    before = owned(marked(web(replicas=2, paused=True)), SPEC_FIELDS)
    answer = owned(marked(web(replicas=2, paused=True)), {"f:replicas": {}})
    memory = Memory("another", "x", manifest=web(replicas=2, paused=True))
    newer = replace(subject(web(replicas=2), before), memory=memory)
    action = settle_by_answer(newer, before, answer, SHAPES, PLAIN)
    assert action.removals == ({"op": "remove", "path": "/spec/paused"},)
    assert action.kind is ActionKind.CONFIGURE


def test_replicas_that_go_to_an_autoscaler_are_kept_and_never_removed() -> None:
    before = owned(marked(web(replicas=3, paused=True)), SPEC_FIELDS)
    answer = owned(marked(web(replicas=1)), {})
    memory = Memory("another", "x", manifest=web(replicas=3, paused=True))
    handed_over = replace(subject(web(), before, autoscaler="hpa"), memory=memory)
    action = settle_by_answer(handed_over, before, answer, SHAPES, PLAIN)
    assert (action.removals, action.keep_replicas) == ((), True)
    assert action.diff is not None
    assert {field.path for field in action.diff.fields} == {"/spec/paused"}


def test_ignored_places_are_no_difference_in_an_answer_either() -> None:
    answer = owned(marked(web(replicas=3)), {"f:replicas": {}})
    rule = IgnoreRule("apps", "Deployment", json_pointers=("/spec/replicas",))
    memory = Memory("another", "x")
    one = replace(subject(web(replicas=3), STANDING), memory=memory)
    action = settle_by_answer(one, STANDING, answer, SHAPES, DiffOptions(ignore=(rule,)))
    assert action.kind is ActionKind.NONE


def test_what_exists_and_was_never_applied_is_adopted() -> None:
    theirs = web(replicas=2)
    action = settle_by_answer(subject(web(replicas=3), theirs), theirs, STANDING, SHAPES, PLAIN)
    assert (action.kind, action.reason) == (ActionKind.ADOPT, "exists already and is not managed")
    assert isinstance(action.last_applied, LastApplied)


def test_what_carries_our_annotation_was_ours_before() -> None:
    answer = owned(marked(web(replicas=3)), {"f:replicas": {}})
    forgotten = subject(web(replicas=3), STANDING)
    action = settle_by_answer(forgotten, STANDING, answer, SHAPES, PLAIN)
    assert (action.kind, action.reason) == (ActionKind.SCALE, "applied before, and not remembered")
    action = settle_by_answer(subject(web(replicas=2)), STANDING, STANDING, SHAPES, PLAIN)
    assert action.kind is ActionKind.NONE


def handed(body: dict[str, Any], uid: str = "u1") -> tuple[Subject, dict[str, Any]]:
    """A subject that another application has handed over, and what stands."""
    one = replace(subject(body), memory=Memory(uid=uid))
    stands = owned(marked(web(replicas=2)), {"f:replicas": {}})
    mark = stands["metadata"]["annotations"]["gitops.dev/tracking"]
    annotations = {"gitops.dev/tracking": mark.replace("demo:", "blog:")}
    return one, {
        **stands,
        "metadata": {**stands["metadata"], "uid": "u1", "annotations": annotations},
    }


def test_what_was_handed_over_is_applied_even_if_nothing_else_changes() -> None:
    one, stands = handed(web(replicas=2))
    action = settle_by_answer(one, stands, stands, SHAPES, PLAIN)
    assert (action.kind, action.held) == (ActionKind.CONFIGURE, None)
    assert action.reason == 'the application "blog" handed it over'
    one, stands = handed(web(replicas=3))
    answer = {**stands, "spec": {**stands["spec"], "replicas": 3}}
    action = settle_by_answer(one, stands, answer, SHAPES, PLAIN)
    assert (action.kind, action.reason) == (
        ActionKind.SCALE,
        'the application "blog" handed it over',
    )
    stands = {**stands, "metadata": {**stands["metadata"], "annotations": {}}}
    action = settle_by_answer(one, stands, answer, SHAPES, PLAIN)
    assert action.reason == "another application handed it over"


@pytest.mark.parametrize("uid", ["", "another"])
def test_another_object_of_the_name_was_not_handed_over(uid: str) -> None:
    one, stands = handed(web(replicas=2), uid)
    action = settle_by_answer(one, stands, stands, SHAPES, PLAIN)
    assert action.kind is ActionKind.ADOPT


# --- creations, changes that wait, replacements, deletions --------------------------------------


def test_a_creation_says_why_it_is_one() -> None:
    assert create(subject(web()), web(), SHAPES).reason == "never applied"
    again = replace(subject(web()), memory=Memory("d"))
    assert create(again, web(), SHAPES).reason == "missing"
    waits = create(replace(again, deferred="its namespace comes first"), None, SHAPES)
    assert (waits.found, waits.reason) == (Found.DEFERRED, "its namespace comes first")


def test_a_change_that_waits_is_a_change_and_no_creation() -> None:
    one = replace(subject(web(replicas=3), STANDING), deferred="its kind changes first")
    action = change_later(one, live(STANDING), SHAPES, PLAIN)
    assert (action.kind, action.found, action.uid) == (ActionKind.SCALE, Found.DEFERRED, "u1")
    equal = change_later(subject(web(replicas=2), STANDING), live(STANDING), SHAPES, PLAIN)
    assert equal.kind is ActionKind.CONFIGURE, "the server refused it: something does change"
    assert not equal.keep_replicas
    assert change_later(replace(one, autoscaler="hpa"), live(STANDING), SHAPES, PLAIN).keep_replicas


def test_what_is_decided_when_its_wave_comes_creates_or_changes() -> None:
    there = later(subject(web(replicas=3), STANDING), SHAPES, PLAIN)
    assert (there.kind, there.uid) == (ActionKind.SCALE, "u1")
    assert later(subject(web(replicas=3)), SHAPES, PLAIN).kind is ActionKind.CREATE


def test_an_immutable_field_is_a_fault_unless_the_manifest_allows_a_replacement() -> None:
    fault = replacement(subject(web()), STANDING, "field is immutable")
    assert isinstance(fault, Fault)
    assert fault.message.startswith("field is immutable; delete the object, or annotate it")
    allowed = replacement(
        replace(subject(web()), options=frozenset({"Replace=true"})), STANDING, "immutable"
    )
    assert isinstance(allowed, Action)
    assert (allowed.kind, allowed.uid) == (ActionKind.REPLACE, "u1")


@pytest.mark.parametrize(
    ("api_version", "kind"),
    [("v1", "Namespace"), ("apiextensions.k8s.io/v1", "CustomResourceDefinition")],
)
def test_what_holds_other_objects_is_never_replaced(api_version: str, kind: str) -> None:
    body = {"apiVersion": api_version, "kind": kind, "metadata": {"name": "x"}}
    options = frozenset({"Replace=true", "Force=true"})
    fault = replacement(replace(subject(body), options=options), body, "field is immutable")
    assert isinstance(fault, Fault)
    assert fault.message == (
        f"field is immutable; a {kind} is never deleted for it, with all that it holds"
    )


# --- what is left as it is ----------------------------------------------------------------------


def test_what_is_created_once_is_left_where_it_is() -> None:
    once = replace(subject(web(replicas=3), STANDING), options=frozenset({"CreateOnly=true"}))
    action = settle_by_wish(once, STANDING)
    assert action is not None
    assert (action.kind, action.uid, action.held) == (ActionKind.NONE, "u1", None)
    assert settle_by_wish(once, None) is None
    going = {**STANDING, "metadata": {**STANDING["metadata"], "deletionTimestamp": "now"}}
    assert settle_by_wish(once, going) is None
    assert settle_by_wish(subject(web(), STANDING), STANDING) is None
    theirs = settle_by_wish(once, web(replicas=1))
    assert theirs is not None
    assert (theirs.kind, theirs.hold) == (ActionKind.NONE, "skipped")


def test_what_is_left_alone_is_not_even_created() -> None:
    alone = replace(subject(web()), options=frozenset({"Reconcile=false"}))
    for live_body in (None, STANDING):
        action = settle_by_wish(alone, live_body)
        assert action is not None
        assert (action.kind, action.changes_cluster, action.waits) == (
            ActionKind.NONE, False, False,
        )  # fmt: skip
        assert action.held == "it is left alone (Reconcile=false)"
    assert settle_by_wish(replace(alone, hook=Hook((Phase.SYNC,))), None) is None
    assert settle_by_wish(replace(alone, child=True), None) is None


def test_a_live_object_can_ask_to_be_left_alone() -> None:
    annotations = {**STANDING["metadata"]["annotations"], "gitops.dev/reconcile": "disabled"}
    theirs = {**STANDING, "metadata": {**STANDING["metadata"], "annotations": annotations}}
    action = settle_by_wish(subject(web(replicas=3), theirs), theirs)
    assert action is not None
    assert action.reason == "an annotation of the live object leaves it alone"


def test_without_migration_others_keep_what_they_own() -> None:
    theirs = web(replicas=2, paused=True)
    annotation = {"kubectl.kubernetes.io/last-applied-configuration": json.dumps(theirs)}
    entry = {"manager": "kubectl-client-side-apply", "operation": "Update",
             "apiVersion": "apps/v1", "fieldsType": "FieldsV1",
             "fieldsV1": {"f:spec": {"f:paused": {}}}}  # fmt: skip
    facts = {"annotations": annotation, "managedFields": [entry], "resourceVersion": "7"}
    theirs["metadata"] = {**theirs["metadata"], **facts}
    one = subject(web(replicas=3), theirs)
    taken = settle_by_answer(one, theirs, STANDING, SHAPES, PLAIN)
    assert taken.take_over
    assert taken.last_applied
    options = frozenset({"ClientSideApplyMigration=false"})
    left = settle_by_answer(replace(one, options=options), theirs, STANDING, SHAPES, PLAIN)
    assert left.kind is ActionKind.ADOPT
    assert (left.take_over, left.last_applied) == ((), None)


def test_a_deletion_carries_what_it_was_planned_against() -> None:
    action = deletion(Manifest.of(web()).id, live(STANDING), "no longer desired")
    assert (action.kind, action.uid, action.resource_version) == (ActionKind.DELETE, "u1", "7")
    assert action.desired is None


def test_a_deletion_has_the_options_of_the_live_object_before_its_applications() -> None:
    annotations = {"gitops.dev/sync-options": "PruneLast=false"}
    body = {**web(), "metadata": {"name": "web", "namespace": "shop", "annotations": annotations}}
    given = ("PruneLast=true", "PrunePropagationPolicy=orphan")
    action = deletion(Manifest.of(body).id, live(body), "no longer desired", given)
    assert action.options == {"PruneLast=false", "PrunePropagationPolicy=orphan"}


# --- small questions ----------------------------------------------------------------------------


def test_hooks_and_namespaces_made_besides_are_nobodys() -> None:
    assert is_claimed(subject(web()).action(ActionKind.CREATE))
    hook = replace(subject(web()), hook=Hook((Phase.SYNC,)))
    assert not is_claimed(hook.action(ActionKind.CREATE))
    made = replace(subject(web()), options=frozenset({"gitops.dev/unclaimed"}))
    assert not is_claimed(made.action(ActionKind.CREATE))


def test_the_manager_of_what_stays_nobodys_names_the_application_as_far_as_there_is_room() -> None:
    assert unclaimed_manager("demo") == "gitops-demo"
    assert unclaimed_manager("x" * 200) == "gitops-" + "x" * 121


def test_a_new_image_of_a_replication_controller_is_remarked() -> None:
    body = {**web(), "apiVersion": "v1", "kind": "ReplicationController"}
    identity = ObjectId("", "ReplicationController", "shop", "web")
    shown = replace(deletion(identity, live(STANDING), "x").diff, changes=("image web 1→2",))  # type: ignore[type-var]  # a deletion has a diff
    action = subject(body).action(ActionKind.IMAGE, diff=shown, uid="u1")
    assert remark(action) == "existing pods keep the old image until replaced"
    assert remark(replace(action, uid=None)) == "", "a new one has no pods"
    assert remark(replace(action, diff=None)) == ""


def test_another_object_of_the_name_is_not_settled_by_memory() -> None:
    known = applied(web(), STANDING)
    assert known.memory is not None
    assert settle_by_memory(known) is not None
    other = replace(known, memory=replace(known.memory, uid="the-one-before"))
    assert settle_by_memory(other) is None
