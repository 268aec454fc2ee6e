"""Refuses schemas of chart values that refer to anything outside of themselves.

Helm resolves `$ref` of a `values.schema.json` as a URL: `file:///…` and names relative to the root
of the file system would be read from this machine, and told in the fault. In: an exported tree.
Called right before Helm runs, for every schema in it, those of packed charts too.
"""

import os
import tarfile
import zlib
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import orjson

from gitops.errors import RenderError

NAME: Final = "values.schema.json"
MAX_BYTES: Final = 100 << 20
"""What a packed chart may hold when it is unpacked, as Helm has it."""
MAX_DEPTH: Final = 10
"""Packed charts in packed charts."""
_REFERENCES: Final = frozenset({"$ref", "$dynamicRef", "$recursiveRef", "$schema"})
_KNOWN: Final = ("http://json-schema.org/", "https://json-schema.org/")
"""Those that Helm brings along."""


def check_value_schemas(export: Path) -> None:
    """Look at every schema below a folder.

    Raises:
        RenderError: `refused` for a reference that leaves its schema, `failed` for what is no JSON,
            `limit` for packed charts beyond the bounds.
    """
    for parent, _, files in os.walk(export):
        for name in sorted(files):
            path = Path(parent, name)
            where = path.relative_to(export).as_posix()
            if name == NAME:
                _check(path.read_bytes(), where)
            elif name.endswith(".tgz"):
                _check_packed(path.read_bytes(), where)


def _check(content: bytes, where: str) -> None:
    try:
        value = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise RenderError(f"it is not JSON: {error}", where=where, reason="failed") from error
    for reference in _references(value):
        if not reference.startswith(("#", *_KNOWN)):
            raise RenderError(
                f"the reference {reference[:200]!r} leaves the schema",
                where=where,
                remedy="copy what it refers to into the schema's $defs",
                reason="refused",
            )


def _references(value: Any) -> Iterator[str]:
    pending = [value]
    while pending:
        current = pending.pop()
        if isinstance(current, list):
            pending += current
        elif isinstance(current, dict):
            yield from (
                item
                for name, item in current.items()
                if name in _REFERENCES and isinstance(item, str)
            )
            pending += current.values()


def _check_packed(content: bytes, where: str, depth: int = 1) -> None:
    """The schemas of a packed chart; one that this reader and Helm's could read differently goes.

    Raises:
        RenderError: see above.
    """
    if depth > MAX_DEPTH:
        raise RenderError(
            f"charts are packed into each other more than {MAX_DEPTH} times",
            where=where,
            reason="limit",
        )
    try:
        with tarfile.open(fileobj=BytesIO(_unpacked(content, where)), mode="r:") as archive:
            for member in archive:
                inner = f"{where} {member.name}"
                if not (member.isreg() or member.isdir()) or "size" in member.pax_headers:
                    raise tarfile.ReadError(f"{member.name!r} is neither a file nor a folder")
                file = archive.extractfile(member) if member.isreg() else None
                if file is not None and member.name.endswith(".tgz"):
                    _check_packed(file.read(), inner, depth + 1)
                elif file is not None and member.name.endswith(NAME):
                    _check(file.read(), inner)
    except (tarfile.TarError, EOFError, ValueError) as error:
        raise RenderError(
            f"the packed chart cannot be read: {error}", where=where, reason="failed"
        ) from error


def _unpacked(content: bytes, where: str) -> bytes:
    """The archive without its compression, however many parts it was packed in."""
    whole = bytearray()
    while content:
        unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)
        try:
            whole += unpacker.decompress(content, MAX_BYTES + 1 - len(whole))
        except zlib.error as error:
            raise RenderError(
                "the packed chart is not compressed with gzip", where=where, reason="failed"
            ) from error
        if len(whole) > MAX_BYTES:
            raise RenderError(
                f"the packed chart holds more than {MAX_BYTES >> 20} MiB",
                where=where,
                reason="limit",
            )
        content = unpacker.unused_data
    return bytes(whole)
