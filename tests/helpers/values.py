"""Values of the model for tests: builders with plain defaults, and hypothesis strategies."""

from datetime import UTC, datetime
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

from gitops.model.diff import ABSENT, ActionKind, Diff, FieldChange
from gitops.model.health import Health, HealthStatus
from gitops.model.objects import Manifest, ObjectId, Place
from gitops.model.plan import Action, DeletePolicy, Fault, Found, Hook, Phase, Plan
from gitops.model.revision import (
    Commit,
    Outcome,
    OutcomeKind,
    Pin,
    RecordKind,
    Revision,
    RevisionKind,
    RevisionState,
    Selection,
    TrailRecord,
    Trigger,
    TriggerKind,
)

law = settings(deadline=None, max_examples=60)
"""For laws: a loaded machine is no failure."""

START = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)


def deployment(name: str = "myblog", namespace: str = "nohi") -> ObjectId:
    return ObjectId("apps", "Deployment", namespace, name)


def outcome(name: str = "myblog", kind: OutcomeKind = OutcomeKind.CREATED, **more: Any) -> Outcome:
    return Outcome(deployment(name), more.pop("action", "create"), kind, **more)


def opened(application: str = "myblog", **more: Any) -> Revision:
    defaults: dict[str, Any] = {
        "number": 0,
        "kind": RevisionKind.SYNC,
        "trigger": Trigger(TriggerKind.POLL),
        "state": RevisionState.RUNNING,
        "started_at": START,
        "digest": "d1",
        "commit": Commit("a" * 40, "Ann <ann@example.com>", "scale the blog\n\nbody", START, "G"),
        "summary": {"create": 4},
    }
    return Revision(application=application, **(defaults | more))


names = st.text("abcxyz-019", min_size=1, max_size=8)
words = st.text(max_size=12)
moments = st.datetimes(min_value=datetime(2000, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis wants it naive
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | words
)
json_values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=8,
)
bodies = st.dictionaries(words, json_values, max_size=4)
patches = st.lists(bodies, max_size=2).map(tuple)

api_versions = st.sampled_from(["v1", "apps/v1", "shop.example.com/v1alpha1"])


@st.composite
def identities(draw: st.DrawFn) -> tuple[ObjectId, str]:
    api_version = draw(api_versions)
    group = api_version.rpartition("/")[0]
    namespace = draw(st.just("") | names)
    return ObjectId(group, draw(names), namespace, draw(names)), api_version


object_ids = identities().map(lambda pair: pair[0])
places = st.builds(Place, words.filter(bool), st.integers(1, 99), st.integers(1, 99))
sides = st.just(ABSENT) | json_values
field_changes = st.builds(
    FieldChange, words, st.sampled_from(["add", "remove", "replace"]), sides, sides, words
)


@st.composite
def diffs(draw: st.DrawFn, identity: tuple[ObjectId, str] | None = None) -> Diff:
    object_id, api_version = identity or draw(identities())
    return Diff(
        object_id,
        api_version,
        draw(st.sampled_from(ActionKind)),
        draw(st.lists(field_changes, max_size=3).map(tuple)),
        draw(patches),
        draw(st.lists(words, max_size=2).map(tuple)),
        draw(st.none() | bodies),
    )


hooks = st.builds(
    Hook,
    st.lists(st.sampled_from(Phase), max_size=2).map(tuple),
    st.lists(st.sampled_from(DeletePolicy), max_size=2).map(tuple),
)
manifests = st.builds(Manifest, object_ids, bodies, st.none() | places)


@st.composite
def actions(draw: st.DrawFn) -> Action:
    identity = draw(identities())
    return Action(
        kind=draw(st.sampled_from(ActionKind)),
        id=identity[0],
        api_version=identity[1],
        wave=draw(st.integers(-5, 5)),
        phase=draw(st.sampled_from(Phase)),
        reason=draw(words),
        held=draw(st.none() | words),
        diff=draw(st.none() | diffs(identity)),
        desired=draw(st.none() | manifests),
        uid=draw(st.none() | words),
        resource_version=draw(st.none() | words),
        hook=draw(st.none() | hooks),
        found=draw(st.sampled_from(Found)),
        removals=draw(patches),
        take_over=draw(patches),
        keep_replicas=draw(st.booleans()),
        options=draw(st.frozensets(words, max_size=2)),
    )


faults = st.builds(Fault, words, words, st.none() | object_ids, st.none() | places)
plans = st.builds(
    Plan,
    words,
    words,
    st.lists(actions(), max_size=3).map(tuple),
    st.none() | words,
    st.lists(faults, max_size=2).map(tuple),
    st.lists(words, max_size=2).map(tuple),
)
outcomes = st.builds(
    Outcome,
    object_ids,
    words,
    st.sampled_from(OutcomeKind),
    words,
    st.sampled_from([phase.title for phase in Phase]),
    st.integers(-5, 5),
    st.lists(words, max_size=2).map(tuple),
)
commits = st.builds(Commit, words, words, words, st.none() | moments, st.sampled_from("GBUXYREN"))
triggers = st.builds(Trigger, st.sampled_from(TriggerKind), words, words)
statuses = st.none() | st.sampled_from(HealthStatus)
healths = st.builds(Health, statuses, words)
addresses = st.none() | st.text("0123456789abcdef", min_size=64, max_size=64)
texts = st.lists(words, max_size=2).map(tuple)
revisions = st.builds(
    Revision,
    application=names,
    number=st.integers(1, 1000),
    kind=st.sampled_from(RevisionKind),
    trigger=triggers,
    state=st.sampled_from(RevisionState),
    started_at=moments,
    digest=words,
    commit=st.none() | commits,
    summary=st.dictionaries(words, st.integers(0, 99), max_size=3),
    outcomes=st.lists(outcomes, max_size=3).map(tuple),
    health=statuses,
    healthy=st.booleans(),
    message=words,
    finished_at=st.none() | moments,
    source=st.none() | st.integers(1, 99),
    partial=st.booleans(),
    manifests=addresses,
    diff=addresses,
    live=addresses,
    attempts=st.integers(1, 9),
    count=st.integers(1, 9),
    selection=st.none() | st.builds(Selection, texts, texts),
)
pins = st.builds(Pin, st.integers(1, 99), words, moments, st.none() | words, words, st.booleans())
records = st.builds(
    TrailRecord,
    st.integers(1, 10**6),
    moments,
    st.sampled_from(RecordKind),
    st.none() | names,
    st.none() | st.integers(1, 99),
    words,
    bodies,
    words,
    words,
)
