"""Objects from the files that an offline command is given: YAML or JSON, folders, standard input.

In: a path. Out: bodies in their order, `List` kinds expanded. Called by offline `diff`, which never
applies: what has a fault but can be read is compared too.
"""

import sys
from pathlib import Path

from gitops.cli.rendering import faulty
from gitops.core.parse import decode, parse_all, place_order
from gitops.errors import InputError
from gitops.model.objects import Body

SUFFIXES = frozenset({".yaml", ".yml", ".json"})


def read_bodies(path: Path) -> list[Body]:
    """Every object at a path; raises InputError where one cannot be read at all."""
    texts = [_text(file) for file in _files(path)]
    parsed = parse_all(texts, skip_foreign=path.is_dir())
    unread = [fault for fault in parsed.faults if fault.id is None]
    if unread:
        raise faulty(unread, str(path))
    found = sorted([*parsed.manifests, *parsed.flawed], key=lambda m: place_order(m.place))
    return [manifest.body for manifest in found]


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    return sorted(file for file in path.rglob("*") if file.suffix in SUFFIXES and file.is_file())


def _text(file: Path) -> tuple[str, str]:
    """(path, text) of one file; `-` is standard input."""
    name = "standard input" if str(file) == "-" else str(file)
    try:
        content = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        raise InputError(f"the file cannot be read: {error.strerror}", where=name) from error
    text, fault = decode(content, name)
    if fault is not None:
        raise faulty([fault], name)
    return name, text
