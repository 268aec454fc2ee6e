"""Which commit a revision names, among the references that a repository has.

References come in as `ls-remote` prints them, a verdict goes out; `source` calls it and looks up
what is no reference among its objects.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from gitops.core.git.semver import highest, parse_constraint

HEADS, TAGS = "refs/heads/", "refs/tags/"
PEELED = "^{}"
_SHA = re.compile(r"[0-9a-f]{40}")
_SHORT_SHA = re.compile(r"[0-9a-fA-F]{4,40}")


@dataclass(frozen=True, slots=True)
class Found:
    """The full name of the reference and the commit that it leads to (a tag's, not the tag's)."""

    name: str
    sha: str


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """Two references share the name and lead to different commits."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PerhapsSha:
    """No reference, but it reads like a commit's hash or its beginning, in lower case."""

    prefix: str


@dataclass(frozen=True, slots=True)
class Missing:
    """Nothing has that name; `nearest` are names that exist, the likeliest first."""

    nearest: tuple[str, ...]
    constraint: bool = False


Verdict = Found | Ambiguous | PerhapsSha | Missing


def resolve(known: Mapping[str, str], revision: str) -> Verdict:
    """Find a revision: HEAD, full SHA, full reference, semver constraint, branch or tag, short SHA.

    A constraint looks at tags only and wins over a branch of that name, as in Argo CD.
    """
    revision = revision or "HEAD"
    if is_sha(revision.lower()):
        return PerhapsSha(revision.lower())
    constraint = parse_constraint(revision)
    if constraint is not None:
        tag = highest(constraint, (n.removeprefix(TAGS) for n in known if _is_tag(n)))
        if tag is not None:
            return _found(known, TAGS + tag)
    found = [_found(known, name) for name in _candidates(revision) if name in known]
    if len({one.sha for one in found}) > 1:
        return Ambiguous(tuple(one.name for one in found))
    if found:
        return found[0]
    if _SHORT_SHA.fullmatch(revision):
        return PerhapsSha(revision.lower())
    return Missing(nearest(known, revision), constraint is not None)


def is_sha(text: str) -> bool:
    """Whether a text is a whole hash: 40 digits, lower case."""
    return _SHA.fullmatch(text) is not None


def _candidates(revision: str) -> tuple[str, ...]:
    if revision == "HEAD" or revision.startswith("refs/"):
        return (revision,)
    if revision.startswith(("heads/", "tags/")):
        return (f"refs/{revision}", HEADS + revision, TAGS + revision)
    return (HEADS + revision, TAGS + revision)


def _is_tag(name: str) -> bool:
    return name.startswith(TAGS) and not name.endswith(PEELED)


def _found(known: Mapping[str, str], name: str) -> Found:
    return Found(name, known.get(name + PEELED, known[name]))


def nearest(known: Mapping[str, str], revision: str) -> tuple[str, ...]:
    """Up to three branches and tags whose names are like a missing one."""
    wanted = revision.removeprefix(HEADS).removeprefix(TAGS)
    names = {
        name.removeprefix(HEADS).removeprefix(TAGS)
        for name in known
        if name != "HEAD" and not name.endswith(PEELED)
    }
    return tuple(get_close_matches(wanted, sorted(names), n=3, cutoff=0.6))
