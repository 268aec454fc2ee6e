"""Choosing objects by what a person writes: `group:Kind:namespace/name`, and labels.

In: a selection and what an application desires and owns. Out: the objects that it names. Called for
selective syncs, undeletes and transfers.
"""

from collections.abc import Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Final

from gitops.core.globs import is_glob, matches
from gitops.core.planning.hooks import hooks_of
from gitops.core.planning.label_selectors import read_selector
from gitops.errors import InputError, NotFoundError
from gitops.model.objects import Manifest, ObjectId
from gitops.model.revision import Selection

NOT: Final = "!"
"""Before a pattern: what it names is left out."""
REMEDY: Final = "write it as group:Kind:namespace/name, as in apps:Deployment:prod/web"
_COLONS: Final = 2
_WILD: Final = frozenset("*?[{")


def select(pattern: str, known: Collection[ObjectId]) -> frozenset[ObjectId]:
    """The objects that a pattern names; raises InputError where it has another shape.

    The core group is empty (`:ConfigMap:shop/words`); the case of a kind does not count; without
    `namespace/` any namespace matches; each part may be a glob, as in Argo CD.
    """
    parts = pattern.split(":", _COLONS)
    if len(parts) <= _COLONS or not parts[_COLONS]:
        raise InputError(f'"{pattern}" does not name an object', remedy=REMEDY)
    group, kind, rest = parts
    namespace, slash, name = rest.rpartition("/")
    wanted = (group, kind.lower() or "*", namespace if slash else "*", name)
    if not all(is_glob(want) for want in wanted):
        raise InputError(f'"{pattern}" holds a glob that cannot be read', remedy=REMEDY)
    return frozenset(
        one
        for one in known
        if all(
            matches(want, have)
            for have, want in zip(
                (one.group, one.kind.lower(), one.namespace, one.name), wanted, strict=True
            )
        )
    )


def choose(
    selection: Selection, desired: Sequence[Manifest], owned: Collection[ObjectId]
) -> frozenset[ObjectId]:
    """The objects that a selective sync is for; raises InputError, NotFoundError.

    What resources and labels name adds up; what `!` excludes is taken from that, or from all that
    there is where nothing else is named. As in Argo CD, hooks are not among it, and labels are
    those in Git. Whatever matches nothing is an error, but for an exclusion by a glob.
    """
    hooks = {m.id for m, h in zip(desired, hooks_of(desired), strict=True) if h is not None}
    labels = {m.id: m.labels for m in desired if m.id not in hooks}
    known = labels.keys() | (set(owned) - hooks)
    names = [text for text in selection.resources if not text.startswith(NOT)]
    chosen = set() if names or selection.labels else set(known)
    for text in names:
        chosen |= _named(text, known, hooks)
    for text in selection.labels:
        chosen |= _labelled(text, labels)
    for text in selection.resources:
        if text.startswith(NOT):
            chosen -= _excluded(text, known | hooks)
    if not chosen:
        raise NotFoundError(
            "nothing is left to sync: all that was chosen is excluded again",
            remedy="leave an exclusion out, or choose more",
        )
    return frozenset(chosen)


def _named(
    text: str, known: AbstractSet[ObjectId], hooks: AbstractSet[ObjectId]
) -> frozenset[ObjectId]:
    found = select(text, known)
    if found:
        return found
    if select(text, hooks):
        raise NotFoundError(
            f'"{text}" names hooks only, and a selective sync runs no hook',
            remedy="choose other objects, or sync the whole application",
        )
    raise _nothing(text)


def _labelled(text: str, labels: Mapping[ObjectId, Mapping[str, str]]) -> frozenset[ObjectId]:
    requirements = read_selector(text)
    found = frozenset(i for i, own in labels.items() if all(r.is_met(own) for r in requirements))
    if not found:
        raise NotFoundError(
            f'no object of the application has the labels "{text}"',
            remedy="labels are those that Git gives an object",
        )
    return found


def _excluded(text: str, known: Collection[ObjectId]) -> frozenset[ObjectId]:
    """What stays out; a name that is nobody's is rather misspelt than meant."""
    pattern = text.removeprefix(NOT)
    found = select(pattern, known)
    if not found and not _WILD & set(pattern):
        raise _nothing(text)
    return found


def _nothing(text: str) -> NotFoundError:
    return NotFoundError(f'no object of the application is "{text}"', remedy=REMEDY)
