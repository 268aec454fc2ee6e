"""Name a difference for people: `scale myblog 1→3`, `image mysql 5.6→5.7`, `configure 2 fields`.

In: an object before and after, and the fields that differ. Out: the kind of action and a sentence
for each change, the most telling first. Called by `diff/diff.py`. Values other than replica counts
and image references never enter a sentence.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from gitops.core.pointers import parse_pointer, value_at
from gitops.core.wording import shorten
from gitops.model.diff import ABSENT, ActionKind, FieldChange
from gitops.model.objects import Body

_REPLICAS: Final = "/spec/replicas"
_IMAGE: Final = re.compile(r"/(containers|initContainers|ephemeralContainers)/\d+/image\Z")
_NAMED_PATHS: Final = 3
_DIGEST_LENGTH: Final = 12


def name_changes(
    before: Body | None, after: Body | None, fields: Sequence[FieldChange]
) -> tuple[ActionKind, tuple[str, ...]]:
    """The kind of action and its sentences.

    Image, if images and perhaps replicas are all that changed; scale, if replicas are; else
    configure. `before` None is a creation, `after` None a deletion.
    """
    if before is None:
        return ActionKind.CREATE, ("create",)
    if after is None:
        return ActionKind.DELETE, ("delete",)
    images = [field for field in fields if _is_image(field)]
    scales = [field for field in fields if _is_scale(field, before)]
    named = {id(field) for field in (*images, *scales)}
    others = [field for field in fields if id(field) not in named]
    sentences = [
        *(_image_sentence(field, before) for field in images),
        *(_scale_sentence(field, before) for field in scales),
        *_configure_sentence(others, before, after),
    ]
    return _kind(images, scales, others), tuple(sentences)


def _kind(
    images: Sequence[FieldChange], scales: Sequence[FieldChange], others: Sequence[FieldChange]
) -> ActionKind:
    if others:
        return ActionKind.CONFIGURE
    if images:
        return ActionKind.IMAGE
    return ActionKind.SCALE if scales else ActionKind.NONE


_WORKLOADS: Final = ("Deployment", "ReplicaSet", "StatefulSet", "ReplicationController")


def _is_scale(field: FieldChange, before: Body) -> bool:
    """Whether only a count of replicas differs; absent means 1 where Kubernetes says so."""
    return field.path == _REPLICAS and all(
        isinstance(side, int) and not isinstance(side, bool) for side in _counts(field, before)
    )


def _counts(field: FieldChange, before: Body) -> tuple[Any, Any]:
    default = 1 if before.get("kind") in _WORKLOADS else None
    return (
        default if field.before is ABSENT else field.before,
        default if field.after is ABSENT else field.after,
    )


def _scale_sentence(field: FieldChange, before: Body) -> str:
    old, new = _counts(field, before)
    metadata = before.get("metadata")
    name = metadata.get("name") if isinstance(metadata, Mapping) else None
    return f"scale {shorten(str(name or ''))} {old}→{new}"


def _is_image(field: FieldChange) -> bool:
    """Whether a container's image is another one; one that is new or gone is a configuration."""
    return (
        isinstance(field.before, str)
        and isinstance(field.after, str)
        and _IMAGE.search(field.path) is not None
    )


def _image_sentence(field: FieldChange, before: Body) -> str:
    tokens = parse_pointer(field.path) or ()
    container = value_at(before, tokens[:-1])
    name = container.get("name") if isinstance(container, Mapping) else None
    old, new = _image_words(field.before, field.after)
    return f"image {shorten(str(name or tokens[-2]))} {old}→{new}"


class _Image(NamedTuple):
    """`repository[:tag][@digest]`; tag and digest are "" where there is none."""

    repository: str
    tag: str
    digest: str

    @property
    def version(self) -> str:
        """What to call it beside another image of the same repository."""
        tag = self.tag or ("" if self.digest else "latest")
        return f"{tag}@{_short(self.digest)}" if tag and self.digest else tag or _short(self.digest)


def _image_words(before: str, after: str) -> tuple[str, str]:
    """Both sides: versions where the repository is the same, else whole references."""
    old, new = _split_image(before), _split_image(after)
    if old.repository == new.repository and old.version != new.version:
        return old.version, new.version
    return _whole(old, before), _whole(new, after)


def _split_image(reference: str) -> _Image:
    name, _, digest = reference.partition("@")
    head, colon, tail = name.rpartition(":")
    if colon and "/" not in tail:
        return _Image(head, tail, digest)
    return _Image(name, "", digest)


def _whole(image: _Image, reference: str) -> str:
    if not image.digest:
        return shorten(reference, 200)
    tag = f":{image.tag}" if image.tag else ""
    return shorten(f"{image.repository}{tag}@{_short(image.digest)}", 200)


def _short(digest: str) -> str:
    algorithm, colon, value = digest.partition(":")
    return f"{algorithm}{colon}{value[:_DIGEST_LENGTH]}"


def _configure_sentence(fields: Sequence[FieldChange], before: Body, after: Body) -> Iterator[str]:
    if not fields:
        return
    paths = list(dict.fromkeys(_words(field, before, after) for field in fields))
    named = ", ".join(paths[:_NAMED_PATHS])
    more = "…" if len(paths) > _NAMED_PATHS else ""
    count = f"{len(fields)} field" + ("s" if len(fields) > 1 else "")
    yield f"configure {count}: {named}{more}"


def _words(field: FieldChange, before: Body, after: Body) -> str:
    """A pointer in dots, with the names of list items instead of their indexes."""
    value: Any = after if field.op == "add" else before
    text = ""
    for token in parse_pointer(field.path) or ():
        if isinstance(value, list):
            value = value_at(value, (token,))
            name = value.get("name") if isinstance(value, Mapping) else None
            text += f"[{shorten(name) if isinstance(name, str) and name else token}]"
            continue
        value = value_at(value, (token,))
        text += f".{token}" if text and "." not in token else (f'["{token}"]' if text else token)
    return text or "the whole object"
