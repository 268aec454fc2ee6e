"""Objects from the files that an offline command is given: YAML or JSON, folders, standard input.

In: a path. Out: bodies in their order, lists expanded, arrays too, which other commands print as
JSON. Called by `health` and offline `diff`. Only what cannot be read is an error: an object may
hold anything, since nothing of it is applied.
"""

import sys
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, Final

import click
import orjson

from gitops.cli.output import visible
from gitops.core.manifests.parse import decode, list_items
from gitops.core.yaml.nodes import TextFault
from gitops.core.yaml.reader import Limits, read_documents
from gitops.errors import InputError, ManifestError
from gitops.model.objects import Body

SUFFIXES: Final = frozenset({".yaml", ".yml", ".json"})
LIMITS: Final = Limits(max_size=1 << 30, max_values=1 << 27)
"""For a person's own files: a whole cluster's objects may be given."""


def read_bodies(path: Path, *, excused: Collection[str] = ()) -> list[Body]:
    """Every object at a path; raises InputError where one cannot be read.

    Faults with an `excused` code are warnings.
    """
    return [body for file in _files(path) for body in _bodies(file, excused)]


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    return sorted(file for file in path.rglob("*") if file.suffix in SUFFIXES and file.is_file())


def _text(file: Path) -> tuple[str, str]:
    """(name, text) of one file; `-` is standard input."""
    name = "standard input" if str(file) == "-" else str(file)
    try:
        content = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        raise InputError(f"the file cannot be read: {error.strerror}", where=name) from error
    text, fault = decode(content, name)
    if fault is not None:
        raise InputError(fault.message, where=str(fault.place))
    return name, text


def _bodies(file: Path, excused: Collection[str]) -> Iterator[Body]:
    """The objects of one file, in their order."""
    name, text = _text(file)
    if text.lstrip()[:1] in ("{", "["):
        try:
            # the bulk case, one JSON value: many times faster than with places
            found = orjson.loads(text)
        except orjson.JSONDecodeError:
            pass
        else:
            for value in found if isinstance(found, list) else [found]:
                yield from _expand(value, name)
            return
    for document in read_documents(text, LIMITS):
        for fault in document.faults:
            _tell(fault, f"{name}:{fault.line}", excused)
        where = f"{name}:{document.line}"
        values = document.value if isinstance(document.value, list) else [document.value]
        for value in values:
            yield from _expand(value, where)


def _tell(fault: TextFault, where: str, excused: Collection[str]) -> None:
    if fault.code not in excused:
        raise ManifestError(fault.message, where=where)
    click.echo(visible(f"warning: {where}: {fault.message}"), err=True)


def _expand(value: Any, where: str) -> Iterator[Body]:
    """An object, or each item of a list; items of a `PodList` that name no kind have the list's."""
    if not isinstance(value, dict):
        raise ManifestError("a Kubernetes object is a mapping, but this is none", where=where)
    items = list_items(value)
    if items is None:
        yield value
        return
    kind = str(value["kind"])
    outer = {"apiVersion": value.get("apiVersion"), "kind": kind.removesuffix("List")}
    for item in items:
        named = not isinstance(item, dict) or "kind" in item or kind == "List"
        yield from _expand(item if named else {**outer, **item}, where)
