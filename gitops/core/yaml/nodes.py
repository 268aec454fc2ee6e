"""YAML text to a tree of nodes with their places: one document in, its root or a fault out.

The scanner is libyaml's (PyYAML's own where that is missing); the tree is built from its events,
without recursion, so that no nesting can exhaust the stack. Called by `core/yaml/reader.py`.
"""

from typing import Any, Final

import yaml
from yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
    StreamStartEvent,
)

from gitops.core.yaml.numbers import ScalarError, key_text, resolve_plain, resolve_tagged, shorten

Loader: Final[Any] = yaml.CSafeLoader


class TextFault(Exception):  # noqa: N818 - a fault is also a value; it is raised where it ends a document
    """One thing wrong in a text; line and column are counted from 1."""

    def __init__(self, code: str, message: str, line: int = 1, column: int = 1) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.line = line
        self.column = column

    def moved(self, lines: int, columns: int = 0) -> "TextFault":
        """The same fault, further down and to the right."""
        return TextFault(self.code, self.message, self.line + lines, self.column + columns)


Entries = tuple[dict[str, tuple[int, "Node", "Node"]], list[tuple[int, "Node"]]]
"""Of a mapping: position, key and value by the key's text; position and value of each `<<`."""


class Node:
    """A scalar, mapping, sequence or alias.

    `value` is a scalar's text or an alias' name; `children` are a mapping's keys and values in
    turn, a sequence's items, or an alias' one target. `tag` is None where none was written.
    """

    __slots__ = ("children", "column", "entries", "kind", "line", "plain", "tag", "value")

    def __init__(self, kind: str, event: Any, value: str = "", *, plain: bool = False) -> None:
        self.kind = kind
        self.value = value
        self.plain = plain
        self.tag: str | None = getattr(event, "tag", None)
        self.line: int = event.start_mark.line + 1
        self.column: int = event.start_mark.column + 1
        self.children: list[Node] = []
        self.entries: Entries | None = None

    @property
    def is_merge(self) -> bool:
        """Whether it is the key `<<`."""
        merge = "tag:yaml.org,2002:merge"
        return self.kind == "scalar" and self.value == "<<" and (self.plain or self.tag == merge)


def scalar_value(node: Node) -> Any:
    """What a scalar node resolves to, before it becomes JSON.

    Raises:
        ScalarError: its text does not have the type that its tag names.
    """
    if node.tag is not None:
        return resolve_tagged(node.tag, node.value)
    return resolve_plain(node.value) if node.plain else node.value


class NodeBuilder:
    """Builds the tree of the first document of a text."""

    def __init__(self, text: str, max_depth: int) -> None:
        self._text = text
        self._max_depth = max_depth
        self._anchors: dict[str, Node] = {}
        self._open: list[Node] = []
        self._root: Node | None = None

    def build(self) -> Node | None:
        """The root, or None for an empty document.

        Raises:
            TextFault: with the first thing that stops the scanner.
        """
        try:
            loader = Loader(self._text)
            try:
                self._feed(loader)
            finally:
                loader.dispose()
        except yaml.MarkedYAMLError as error:
            mended = _mend_escape(error, self._text)
            if mended is not None:
                return NodeBuilder(mended, self._max_depth).build()
            raise explain(error, self._text) from error
        except yaml.reader.ReaderError as error:
            raise _explain_character(error, self._text) from error
        except UnicodeEncodeError as error:
            raise TextFault(
                "encoding", "the text is not valid UTF-8", *_place(self._text, error.start)
            ) from error
        return self._root

    def _feed(self, loader: Any) -> None:
        event = loader.get_event()
        while type(event) is not DocumentEndEvent and type(event) is not StreamEndEvent:
            handler = _HANDLERS[type(event)]
            if handler is not None:
                handler(self, event)
            event = loader.get_event()
        if type(event) is DocumentEndEvent:
            _refuse_more(loader, event)

    def _scalar(self, event: Any) -> None:
        plain = event.implicit[0] and not event.style
        node = Node("scalar", event, event.value, plain=plain)
        self._add(node, event.anchor)

    def _alias(self, event: Any) -> None:
        node = Node("alias", event, event.anchor)
        target = self._anchors.get(event.anchor)
        if target is None:
            raise _at(
                event, "anchor", f'the anchor "{shorten(event.anchor)}" is not defined before'
            )
        node.children.append(target)
        self._add(node, None)

    def _start_mapping(self, event: Any) -> None:
        self._start("mapping", event)

    def _start_sequence(self, event: Any) -> None:
        self._start("sequence", event)

    def _start(self, kind: str, event: Any) -> None:
        node = Node(kind, event)
        self._add(node, event.anchor)
        self._open.append(node)
        if len(self._open) > self._max_depth:
            raise _at(event, "too-deep", f"nested more than {self._max_depth} levels deep")

    def _end(self, event: Any) -> None:
        del event
        self._open.pop()

    def _add(self, node: Node, anchor: str | None) -> None:
        if anchor is not None:
            self._anchors[anchor] = node
        if self._open:
            self._open[-1].children.append(node)
        else:
            self._root = node


_HANDLERS: Final[dict[type, Any]] = {
    StreamStartEvent: None,
    DocumentStartEvent: None,
    ScalarEvent: NodeBuilder._scalar,  # noqa: SLF001 - the class' own table
    AliasEvent: NodeBuilder._alias,  # noqa: SLF001 - the class' own table
    MappingStartEvent: NodeBuilder._start_mapping,  # noqa: SLF001 - the class' own table
    MappingEndEvent: NodeBuilder._end,  # noqa: SLF001 - the class' own table
    SequenceStartEvent: NodeBuilder._start_sequence,  # noqa: SLF001 - the class' own table
    SequenceEndEvent: NodeBuilder._end,  # noqa: SLF001 - the class' own table
}


def _refuse_more(loader: Any, end: Any) -> None:
    """What follows the first document is not read by kubectl; silence would lose objects."""
    try:
        event = loader.get_event()
    except yaml.MarkedYAMLError:
        if not end.explicit:
            raise
        event = end
    if type(event) is not StreamEndEvent:
        message = 'what follows "..." is not read; put "---" between documents'
        raise _at(event, "separator", message)


def _mend_escape(error: yaml.MarkedYAMLError, text: str) -> str | None:
    r"""The text with the escape `\'` that go-yaml knows and libyaml refuses written otherwise."""
    mark = error.problem_mark
    if mark is None or not str(error.problem).startswith("found unknown escape character"):
        return None
    lines = text.split("\n")
    content = lines[mark.line] if mark.line < len(lines) else ""
    at = content.find("\\'", max(mark.column - 2, 0))
    if not 0 <= at <= mark.column:
        return None
    lines[mark.line] = content[:at] + "\\x27" + content[at + 2 :]
    return "\n".join(lines)


def find_node(root: Node, tokens: tuple[str, ...], *, of_key: bool = False) -> Node:
    """The node at a path, or its key; where the path ends early, the nearest parent.

    Later entries win over earlier ones, and merged maps count, as they do in the value.
    """
    key = value = root
    for token in tokens:
        step = _step(_target(value), token)
        if step is None:
            return _target(value)
        key, value = step
    return key if of_key else value


def _target(node: Node) -> Node:
    return node.children[0] if node.kind == "alias" else node


def _step(node: Node, token: str) -> tuple[Node, Node] | None:
    if node.kind == "sequence":
        if token.isdecimal() and int(token) < len(node.children):
            item = node.children[int(token)]
            return item, item
        return None
    if node.kind != "mapping":
        return None
    own, merges = _entries(node)
    found = own.get(token)
    for position, value in reversed(merges):
        if found is not None and found[0] > position:
            break
        sources = [value] if _target(value).kind == "mapping" else _target(value).children
        steps = (_step(_target(source), token) for source in sources)
        merged = next((step for step in steps if step is not None), None)
        if merged is not None:
            return merged
    return found[1:] if found is not None else None


def _entries(node: Node) -> Entries:
    """A mapping's keys and merges, read once: many faults may be in one mapping."""
    if node.entries is None:
        own: dict[str, tuple[int, Node, Node]] = {}
        merges = []
        for position in range(0, len(node.children), 2):
            key, value = node.children[position : position + 2]
            if key.is_merge:
                merges.append((position, value))
            elif (text := _text_of(key)) is not None:
                own[text] = (position, key, value)
        node.entries = own, merges
    return node.entries


def _text_of(key: Node) -> str | None:
    key = _target(key)
    if key.kind != "scalar":
        return None
    try:
        return key_text(scalar_value(key))
    except ScalarError:
        return None


_HINTS: Final = (
    (
        "mapping values are not allowed in this context",
        'unexpected ":"; the line before may be indented wrongly, or the value needs quotes',
    ),
    ("did not find expected key", "a key was expected here; check the indentation"),
    ("did not find expected '-' indicator", 'a "- " was expected here; check the indentation'),
    ("could not find expected ':'", 'a ":" was expected after the key'),
    ("found unexpected end of stream", "a quoted value is not closed"),
    ("did not find expected <document start>", "text stands where a document should begin"),
    ("did not find expected ',' or ']'", 'a "," or "]" was expected here'),
    ("did not find expected ',' or '}'", 'a "," or "}" was expected here'),
    ("found duplicate %YAML directive", "the %YAML directive is given twice"),
)


def explain(error: yaml.MarkedYAMLError, text: str) -> TextFault:
    """A scanner's error as a fault in plain words."""
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    problem = str(error.problem or error.context or "it is malformed")
    lines = text.rstrip().split("\n")
    if line > len(lines):  # it ends too early: where its last line does
        line, column = len(lines), len(lines[-1]) + 1
    content = lines[line - 1]
    if "\t" in _indent(content) and _is_about_tabs(problem, content, column):
        column = content.index("\t") + 1
        return TextFault("tab", "a tab in the indentation; YAML allows spaces only", line, column)
    if "{{" in content:
        message = 'a template ("{{") is not YAML; render it first, or quote the value'
        return TextFault("template", message, line, content.index("{{") + 1)
    words = next((hint for words, hint in _HINTS if problem.startswith(words)), None)
    if words is None and problem.startswith("found character"):
        found = content[column - 1 : column] or " "
        words = f'"{found}" cannot begin a value here; quote it'
    message = f"cannot read YAML: {words or problem}"
    start = error.context_mark
    if error.context and start is not None and start.line + 1 < line:
        message += f" ({error.context}, begun on line {start.line + 1})"
    return TextFault("syntax", message, line, column)


def _indent(content: str) -> str:
    return content[: len(content) - len(content.lstrip(" \t"))]


def _is_about_tabs(problem: str, content: str, column: int) -> bool:
    return "tab" in problem or (
        problem.startswith("found character") and column <= len(_indent(content)) + 1
    )


def _explain_character(error: yaml.reader.ReaderError, text: str) -> TextFault:
    """A character that YAML forbids; libyaml counts bytes."""
    place = _place(text, len(text.encode()[: error.position].decode(errors="ignore")))
    message = f"the character U+{error.character:04X} is not allowed in YAML"
    return TextFault("encoding", message, *place)


def _place(text: str, position: int) -> tuple[int, int]:
    line = text.count("\n", 0, position) + 1
    return line, position - text.rfind("\n", 0, position)


def _at(event: Any, code: str, message: str) -> TextFault:
    mark = event.start_mark
    return TextFault(code, message, mark.line + 1, mark.column + 1)
