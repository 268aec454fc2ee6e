"""YAML and JSON text as kubectl reads it: text in, one value a document out, every fault placed.

kubectl splits a stream at lines that begin with `---`, tries JSON where the text begins with `{`,
and gives each document to sigs.k8s.io/yaml (go-yaml v2). `read_documents` does the same; a fault
in one document leaves the others readable. Called by `manifests/parse.py`, and for Applications.
"""

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from gitops.core.yaml.json_reader import JsonRead, explain_json, place_of, read_json
from gitops.core.yaml.nodes import Node, NodeBuilder, TextFault, find_node
from gitops.core.yaml.values import construct


@dataclass(frozen=True, slots=True)
class Limits:
    """What one text may hold: characters, levels of nesting, values after aliases are expanded."""

    max_size: int = 10 * 1024 * 1024
    max_depth: int = 200
    max_values: int = 2_000_000


DEFAULT_LIMITS: Final = Limits()


@dataclass(frozen=True, slots=True)
class Document:
    """One document: its value, its faults, and where its text stands.

    `value` is None where it could not be read. `line` and `column` are those of its first key or
    item, counted from 1. `text` begins on line `first_line`, `indent` characters from its start.
    """

    value: Any
    faults: tuple[TextFault, ...]
    text: str
    line: int = 1
    column: int = 1
    first_line: int = 1
    indent: int = 0
    is_json: bool = False

    def locate(self, tokens: tuple[str, ...], *, of_key: bool = False) -> tuple[int, int]:
        """Line and column of the value at a path, of its key, or of the nearest parent there is."""
        root = compose(self.text, is_json=self.is_json)
        if root is None:
            return self.line, self.column
        node = find_node(root, tokens, of_key=of_key)
        column = node.column + (self.indent if node.line == 1 else 0)
        return node.line + self.first_line - 1, column


def read_documents(text: str, limits: Limits = DEFAULT_LIMITS) -> Iterator[Document]:
    """Read every document of a text; empty ones are left out."""
    if len(text) > limits.max_size:
        message = f"the text has {len(text)} characters; the limit is {limits.max_size}"
        yield Document(None, (TextFault("too-large", message),), "")
        return
    text = text.replace("\r\n", "\n")
    if text[:_SNIFFED].lstrip().startswith("{"):
        yield from _read_json_stream(text, limits)
    else:
        yield from _read_yaml_stream(text, 1, limits)


@functools.lru_cache(maxsize=2)
def compose(text: str, *, is_json: bool = False) -> Node | None:
    """The node tree of a document for places; None where there is none."""
    same_length = _SURROGATES.sub(r"\\u0041", text) if is_json else text
    try:
        return NodeBuilder(same_length, DEFAULT_LIMITS.max_depth).build()
    except TextFault:
        return None


_SNIFFED: Final = 4096
"""kubectl looks this far for an opening brace."""
_SURROGATES: Final = re.compile(r"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")
"""libyaml refuses the halves of a pair, which JSON needs."""


def _read_yaml_stream(text: str, line: int, limits: Limits) -> Iterator[Document]:
    for chunk, first_line, fault in _split(text, line):
        if fault is not None:
            yield Document(None, (fault,), "", first_line, 1, first_line)
            continue
        document = _read_yaml(chunk, first_line, limits)
        if document.value is not None or document.faults:
            yield document


def _split(text: str, line: int) -> Iterator[tuple[str, int, TextFault | None]]:
    """Chunks with the line on which each begins; a separator may carry a comment, nothing else."""
    lines: list[str] = []
    start = line
    for number, content in enumerate(text.split("\n"), line):
        if not content.startswith("---"):
            lines.append(content)
            continue
        if lines:
            yield "\n".join(lines) + "\n", start, None
        lines, start = [], number + 1
        rest = content[3:].strip()
        if rest and not rest.startswith("#"):
            message = f'only a comment may follow "---" on its line, not "{rest[:40]}"'
            yield "", number, TextFault("separator", message, number, 4)
    if lines:
        yield "\n".join(lines) + "\n", start, None


def _read_yaml(chunk: str, first_line: int, limits: Limits) -> Document:
    """One document of a YAML stream."""
    try:
        root = NodeBuilder(chunk, limits.max_depth).build()
    except TextFault as fault:
        moved = fault.moved(first_line - 1)
        return Document(None, (moved,), chunk, moved.line, moved.column, first_line)
    if root is None:
        return Document(None, (), chunk, first_line, 1, first_line)
    value, faults = construct(root, limits.max_depth, limits.max_values)
    placed = tuple(fault.moved(first_line - 1) for fault in faults)
    return Document(value, placed, chunk, root.line + first_line - 1, root.column, first_line)


def _read_json_stream(text: str, limits: Limits) -> Iterator[Document]:
    """JSON documents one after another; what does not go on as JSON is read as YAML."""
    position, count = 0, 0
    cursor = _Cursor(text)
    while True:
        start = _skip_blank(text, position)
        if start == len(text):
            return
        place = cursor.place_of(start)
        read = read_json(text, start, limits.max_depth, place)
        if read is None:
            break
        document = _json_document(text[start : read.end], place, read)
        if document.value is not None or document.faults:
            yield document
        position, count = read.end, count + 1
    fault = explain_json(text, start)
    if count > 1:
        yield Document(None, (fault,), "", fault.line, fault.column)
        return
    yield from _read_rest(text, position, fault, limits)


def _skip_blank(text: str, position: int) -> int:
    blank = re.compile(r"[ \t\n\r]*").match(text, position)
    return blank.end() if blank else position


def _read_rest(text: str, position: int, fault: TextFault, limits: Limits) -> Iterator[Document]:
    """Flow YAML, or YAML after JSON; what is neither but looks like JSON keeps JSON's words."""
    blank = re.compile(r"[^\S\n]*\n?").match(text, position)
    begin = blank.end() if blank else position
    line, _ = place_of(text, begin)
    is_like_json = re.compile(r'\s*\{\s*"').match(text, position) is not None
    for document in _read_yaml_stream(text[begin:], line, limits):
        is_broken = document.value is None and document.first_line == line
        if is_broken and is_like_json and document.faults[0].code == "syntax":
            yield Document(None, (fault,), document.text, fault.line, fault.column, line)
        else:
            yield document


@dataclass(slots=True)
class _Cursor:
    """Tells places of positions that only grow, so that many documents cost one walk."""

    text: str
    position: int = 0
    line: int = 1
    begin: int = 0

    def place_of(self, position: int) -> tuple[int, int]:
        """Line and column, from 1."""
        self.line += self.text.count("\n", self.position, position)
        self.begin = max(self.begin, self.text.rfind("\n", self.position, position) + 1)
        self.position = position
        return self.line, position - self.begin + 1


def _json_document(source: str, place: tuple[int, int], read: JsonRead) -> Document:
    line, column = place
    faults: tuple[TextFault, ...] = (read.fault,) if read.fault else ()
    if read.duplicates:
        faults = _place_duplicates(source, read.duplicates, (line, column))
    return Document(read.value, faults, source, line, column, line, column - 1, is_json=True)


def _place_duplicates(
    source: str, keys: tuple[str, ...], place: tuple[int, int]
) -> tuple[TextFault, ...]:
    """A fault for each key given twice, with its place where the text can be read as YAML too."""
    line, column = place
    root = compose(source, is_json=True)
    found = construct(root, *_ANY)[1] if root else []
    placed = [fault for fault in found if fault.code == "duplicate-key"]
    if len(placed) == len(keys):
        return tuple(f.moved(line - 1, column - 1 if f.line == 1 else 0) for f in placed)
    return tuple(
        TextFault("duplicate-key", f'the key "{key}" is given twice', line, column) for key in keys
    )


_ANY: Final = (DEFAULT_LIMITS.max_depth, DEFAULT_LIMITS.max_values)
