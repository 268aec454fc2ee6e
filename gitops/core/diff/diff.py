"""The one three-way diff: what apply would do to an object. Plan, drift, history, offline use it.

In: desired and actual bodies, what was applied last, the shapes. Out: `Diff`, with the predicted
object, the fields that change and whose they are, and the patch. Nothing is changed in place.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import jsonpatch

from gitops.core.diff.changes import Change, find_changes, make_patch, removal_operations, sharing
from gitops.core.diff.ignore import (
    DiffOptions,
    ignored_pointers,
    never_compared,
    same_endpoints,
    trusted_managers,
)
from gitops.core.diff.keep import keep_ignored
from gitops.core.diff.left_out import states_all
from gitops.core.diff.merge import merge
from gitops.core.diff.summary import name_changes
from gitops.core.diff.trace import Trace, states
from gitops.core.manifests.normalize import SERVER_METADATA, canonical, keeps_status
from gitops.core.ownership.owners import DEFAULTED, OURS, LastApplied, Owners
from gitops.core.pointers import Trie, format_pointer
from gitops.core.schema.schema import Shape
from gitops.core.schema.shapes import Shapes
from gitops.model.application import IgnoreRule
from gitops.model.diff import ABSENT, Diff, FieldChange
from gitops.model.objects import Body, identify

__all__ = ["DiffOptions", "LastApplied", "compare", "diff", "removals"]

DEFAULT_OPTIONS: Final = DiffOptions()


def diff(
    desired: Body | None,
    actual: Body | None,
    last_applied: LastApplied | None,
    shapes: Shapes,
    options: DiffOptions = DEFAULT_OPTIONS,
) -> Diff:
    """Compare one object three ways.

    Args:
        desired: The manifest; None to delete.
        actual: The live object with its managedFields; None where there is none.
        last_applied: What we applied last; None to read it off `actual`.
        shapes: Of the object's kind, as far as known.
        options: Ignore rules and what else is not compared.

    Raises:
        ApplicationError: An ignore rule cannot be read.
    """
    if desired is None:
        return _deletion(actual or {})
    if actual is None:
        return _creation(desired, shapes, options)
    owners = Owners.of(actual)
    known = LastApplied.known(owners, actual) if last_applied is None else last_applied
    trace = _trace(desired, actual, (known, owners), shapes, options)
    predicted = _predict(desired, actual, trace, shapes)
    return _result(actual, predicted, (known, owners), shapes)


def is_equal(
    desired: Body, actual: Body, last: LastApplied, shapes: Shapes, options: DiffOptions
) -> bool:
    """Whether `diff` would find nothing to change, without telling what."""
    owners = Owners.of(actual)
    trace = _trace(desired, actual, (last, owners), shapes, options)
    predicted = _predict(desired, actual, trace, shapes)
    if predicted is actual:
        return True
    return not find_changes(actual, predicted, shapes.root(actual), fields=owners.everything)


def _predict(desired: Body, actual: Body, trace: Trace, shapes: Shapes) -> Body:
    """What `actual` becomes when `desired` is applied; `actual` itself where nothing changes."""
    wanted = canonical(desired, shapes, keep_nulls=True)
    live = actual if isinstance(actual, dict) else dict(actual)
    merged = merge(wanted, live, trace, shapes.root(desired))
    if merged is live:
        return actual
    result: Body = {} if merged is ABSENT else merged
    return result


def _trace(
    desired: Body,
    actual: Body,
    known: tuple[LastApplied, Owners],
    shapes: Shapes,
    options: DiffOptions,
) -> Trace:
    last, owners = known
    rules = options.matching(identify(actual), desired)
    skipped = [*never_compared(actual, desired, shapes)]
    if _sorted_by_server(desired, actual):
        skipped.append(("subsets",))
    managers = trusted_managers(rules)
    in_actual, in_desired = ignored_pointers([actual, desired], rules, options)
    return Trace(
        ABSENT if last.manifest is None else canonical(last.manifest, shapes, keep_nulls=True),
        last.fields,
        owners.others(without=last.by),
        owners.held_by_controllers(),
        owners.of_managers(managers) if managers else None,
        Trie.of([*skipped, *in_actual]),
        Trie.of([*skipped, *in_desired]),
    )


def _sorted_by_server(desired: Body, actual: Body) -> bool:
    return desired.get("kind") == "Endpoints" and same_endpoints(
        desired.get("subsets"), actual.get("subsets")
    )


def compare(
    actual: Body,
    answer: Body,
    last_applied: LastApplied | None,
    shapes: Shapes,
    options: DiffOptions = DEFAULT_OPTIONS,
    removals: Sequence[Mapping[str, Any]] = (),
) -> Diff:
    """Compare a live object with what a dry-run answered.

    What the server counts (generation, times) is left out, and so are the places that ignore rules
    name. `removals` are operations of `removals()` that will be made besides.
    """
    known = LastApplied.of(actual) if last_applied is None else last_applied
    shape = shapes.root(actual)
    after: Body = jsonpatch.apply_patch(answer, list(removals)) if removals else answer
    after = _without_noise(actual, after, shapes)
    rules = options.matching(identify(actual), answer)
    if rules or options.ignore_replicas:
        after = as_actual(actual, after, (rules, options), shape)
    return _result(actual, sharing(after, actual), (known, Owners.of(actual)), shapes)


def as_actual(
    actual: Body, after: Body, ignored: tuple[Sequence[IgnoreRule], DiffOptions], shape: Shape
) -> Body:
    """An answer, or a manifest, with actual's own values at the places that rules name."""
    rules, options = ignored
    managers = trusted_managers(rules)
    in_actual, in_answer = ignored_pointers([actual, after], rules, options)
    trace = Trace(
        trusted=Owners.of(actual).of_managers(managers) if managers else None,
        skip=Trie.of(in_actual),
        skip_desired=Trie.of(in_answer),
    )
    made: Body = keep_ignored(after, actual, trace, shape)
    return made


def _without_noise(actual: Body, answer: Body, shapes: Shapes) -> Body:
    """The answer with actual's own server-set metadata and status."""
    made = _taking(answer, actual, () if keeps_status(actual, shapes) else ("status",))
    metadata, live = answer.get("metadata"), actual.get("metadata")
    if isinstance(metadata, Mapping) and isinstance(live, Mapping):
        made["metadata"] = _taking(metadata, live, sorted(SERVER_METADATA))
    return made


def _taking(value: Body, source: Body, names: Iterable[str]) -> dict[str, Any]:
    """A copy of `value` with the named fields as `source` has them."""
    taken = frozenset(names)
    made = {key: inner for key, inner in value.items() if key not in taken}
    return {**made, **{key: source[key] for key in taken if key in source}}


def removals(
    desired: Body,
    answer: Body,
    last_applied: LastApplied,
    shapes: Shapes,
    options: DiffOptions = DEFAULT_OPTIONS,
) -> tuple[dict[str, Any], ...]:
    """RFC 6902 operations for what should be gone and apply cannot remove.

    `answer` is what a dry-run (or an apply) of `desired` answered; `last_applied` what we had
    applied before it. Paths that somebody else owns with us are still there; what is merged as one
    is already as desired, with what the server fills in.
    """
    owners = Owners.of(answer)
    if _leaves_nothing_out(desired, (last_applied, owners), shapes, options):
        return ()
    trace = _trace(desired, answer, (last_applied, owners), shapes, options)
    trace = replace(trace, answered=True)
    gone = _predict(desired, answer, trace, shapes)
    root, fields = shapes.root(answer), owners.everything
    found = find_changes(answer, gone, root, fields=fields, leaves=False)
    return removal_operations(found)


def _leaves_nothing_out(
    desired: Body, known: tuple[LastApplied, Owners], shapes: Shapes, options: DiffOptions
) -> bool:
    """Whether all that we applied last, by manifest and by owned fields, is desired still."""
    last, owners = known
    ours = owners.ours
    if last.manifest is None or last.fields is None or ours is None:
        return False
    if last.fields is not ours and last.fields.difference(ours):
        return False
    if options.ignore_replicas or options.matching(identify(desired), desired):
        return False
    before = canonical(last.manifest, shapes, keep_nulls=True)
    return states_all(canonical(desired, shapes, keep_nulls=True), before, shapes.root(desired))


def _result(
    actual: Body, predicted: Body, known: tuple[LastApplied, Owners], shapes: Shapes
) -> Diff:
    last, owners = known
    if predicted is actual:
        return _verdict(actual, actual, (), ())
    found = find_changes(actual, predicted, shapes.root(actual), fields=owners.everything)
    if not found:
        return _verdict(actual, actual, (), ())
    if last.manifest is not None:
        last = replace(last, manifest=canonical(last.manifest, shapes))
    fields = tuple(_field(change, owners, last) for change in found)
    return _verdict(actual, predicted, fields, make_patch(actual, predicted))


def _field(change: Change, owners: Owners, known: LastApplied) -> FieldChange:
    owner = OURS if change.op == "add" else _owner(change, owners, known)
    pointer = format_pointer(change.pointer)
    return FieldChange(pointer, change.op, change.before, change.after, owner)


def _owner(change: Change, owners: Owners, known: LastApplied) -> str:
    named = owners.owner(change.path)
    if named is not None:
        return named
    stated = known.fields is not None and known.fields.touches(change.path)
    return OURS if stated or states(known.manifest, change.path) else DEFAULTED


def _verdict(
    actual: Body,
    predicted: Body,
    fields: tuple[FieldChange, ...],
    patch: tuple[dict[str, Any], ...],
) -> Diff:
    kind, changes = name_changes(actual, predicted, fields)
    return Diff(
        identify(actual),
        str(actual.get("apiVersion") or ""),
        kind,
        fields,
        patch,
        changes,
        predicted,
    )


def _creation(desired: Body, shapes: Shapes, options: DiffOptions) -> Diff:
    del options
    predicted = created(desired, shapes)
    fields = tuple(
        FieldChange(format_pointer(change.pointer), "add", ABSENT, change.after, OURS)
        for change in find_changes({}, predicted, shapes.root(desired))
    )
    kind, changes = name_changes(None, predicted, fields)
    return Diff(
        identify(desired),
        str(desired.get("apiVersion") or ""),
        kind,
        fields,
        make_patch({}, predicted),
        changes,
        predicted,
    )


def created(desired: Body, shapes: Shapes) -> Body:
    """The object that creating a manifest gives, but for what the server fills in."""
    return canonical(desired, shapes)


def _deletion(actual: Body) -> Diff:
    kind, changes = name_changes(actual, None, ())
    return Diff(
        identify(actual),
        str(actual.get("apiVersion") or ""),
        kind,
        (),
        tuple({"op": "remove", "path": format_pointer((name,))} for name in actual),
        changes,
        None,
    )
