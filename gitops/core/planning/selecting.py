"""Choosing objects by what a person writes: `group:Kind:namespace/name`.

Called for `gitops sync --resource`.
"""

from collections.abc import Collection
from fnmatch import fnmatchcase

from gitops.errors import InputError
from gitops.model.objects import ObjectId

PARTS = 3


def select(pattern: str, known: Collection[ObjectId]) -> frozenset[ObjectId]:
    """The objects that a pattern names; raises InputError where it has another shape.

    The core group is empty (`:ConfigMap:shop/words`); the case of a kind does not count; without
    `namespace/` any namespace matches; `*` stands for any text.
    """
    parts = pattern.split(":")
    if len(parts) != PARTS or not parts[2]:
        raise InputError(
            f'"{pattern}" does not name an object',
            remedy="write group:Kind:namespace/name, as in apps:Deployment:prod/web",
        )
    group, kind, rest = parts
    namespace, slash, name = rest.rpartition("/")
    wanted = (group, kind.lower() or "*", namespace if slash else "*", name)
    return frozenset(
        one
        for one in known
        if all(
            fnmatchcase(have, want)
            for have, want in zip(
                (one.group, one.kind.lower(), one.namespace, one.name), wanted, strict=True
            )
        )
    )
