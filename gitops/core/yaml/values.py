"""A tree of YAML nodes to a JSON value, as go-yaml v2 and sigs.k8s.io/yaml convert it.

Keys given twice are faults, although kubectl takes the last one. Merge keys take effect where they
stand: a key after `<<` wins over it, a key before it loses. Called by `core/yaml/reader.py`.
"""

from typing import Any, Final

from gitops.core.yaml.nodes import Node, TextFault, scalar_value
from gitops.core.yaml.numbers import ScalarError, key_text, shorten, to_json

_RATIO_LOW: Final = 400_000
_RATIO_HIGH: Final = 4_000_000


def construct(root: Node, max_depth: int, max_values: int) -> tuple[Any, list[TextFault]]:
    """The value of a document and its faults; the value is None where a fault ended the reading."""
    builder = _Constructor(max_depth, max_values)
    try:
        value = builder.value(root, 1)
    except TextFault as fault:
        return None, [*builder.faults, fault]
    return value, builder.faults


class _Constructor:
    """Walks the tree with aliases expanded, counting as go-yaml does."""

    def __init__(self, max_depth: int, max_values: int) -> None:
        self.faults: list[TextFault] = []
        self._max_depth = max_depth
        self._max_values = max_values
        self._values = 0
        self._aliased = 0
        self._alias_depth = 0
        self._expanding: set[int] = set()
        self._told: set[int] = set()

    def value(self, node: Node, depth: int) -> Any:
        self._count(node)
        if node.kind == "scalar":
            return self._scalar(node)
        if depth > self._max_depth:
            raise _fault(node, "too-deep", f"nested more than {self._max_depth} levels deep")
        if node.kind == "mapping":
            mapping: dict[str, Any] = {}
            self._fill(node, mapping, depth)
            return mapping
        if node.kind == "sequence":
            return [self.value(child, depth + 1) for child in node.children]
        return self._alias(node, depth)

    def _count(self, node: Node) -> None:
        self._values += 1
        if self._alias_depth:
            self._aliased += 1
            if self._aliased > 100 and self._values > 1000 and self._is_bomb():  # noqa: PLR2004 - go-yaml's
                raise _fault(node, "alias-bomb", "aliases expand to far more than the text holds")
        if self._values > self._max_values:
            raise _fault(node, "too-large", f"more than {self._max_values} values in one document")

    def _is_bomb(self) -> bool:
        """go-yaml's limit: 99 % of small documents may come from aliases, 10 % of large ones."""
        beyond = min(max(self._values - _RATIO_LOW, 0) / (_RATIO_HIGH - _RATIO_LOW), 1.0)
        return self._aliased / self._values > 0.99 - 0.89 * beyond

    def _scalar(self, node: Node) -> Any:
        try:
            return to_json(scalar_value(node))
        except ScalarError as error:
            self._tell(node, "scalar", f'"{shorten(node.value)}": {error}')
            return node.value

    def _alias(self, node: Node, depth: int) -> Any:
        target = self._enter(node)
        value = self.value(target, depth)
        self._leave(target)
        return value

    def _enter(self, alias: Node) -> Node:
        target = alias.children[0]
        if id(target) in self._expanding:
            raise _fault(alias, "anchor", f'the anchor "{shorten(alias.value)}" contains itself')
        self._expanding.add(id(target))
        self._alias_depth += 1
        return target

    def _leave(self, target: Node) -> None:
        self._alias_depth -= 1
        self._expanding.discard(id(target))

    def _fill(self, node: Node, mapping: dict[str, Any], depth: int) -> None:
        """Set a mapping's entries in their order, merges included."""
        own: set[str] = set()
        children = node.children
        for index in range(0, len(children), 2):
            key_node, value_node = children[index], children[index + 1]
            if key_node.is_merge:
                self._merge(value_node, mapping, depth + 1)
                continue
            key = self._key(key_node)
            value = self.value(value_node, depth + 1)
            if key is None:
                continue
            if key in own:
                self._tell(key_node, "duplicate-key", f'the key "{shorten(key)}" is given twice')
            own.add(key)
            mapping[key] = value  # the last, where a reader excuses the fault

    def _key(self, node: Node) -> str | None:
        """A key as text; None where it is none."""
        self._count(node)
        scalar = node.children[0] if node.kind == "alias" else node
        if scalar.kind != "scalar":
            self._tell(node, "key", _why_no_key(scalar))
            return None
        try:
            return key_text(scalar_value(scalar))
        except ScalarError as error:
            self._tell(node, "key", str(error))
            return None

    def _merge(self, node: Node, mapping: dict[str, Any], depth: int) -> None:
        """`<<: *a` or `<<: [*a, *b]`, where the earlier of a list wins."""
        if node.kind == "sequence":
            for source in reversed(node.children):
                self._merge_one(source, mapping, depth)
        else:
            self._merge_one(node, mapping, depth)

    def _merge_one(self, node: Node, mapping: dict[str, Any], depth: int) -> None:
        target = node.children[0] if node.kind == "alias" else node
        if depth > self._max_depth:
            raise _fault(node, "too-deep", f"nested more than {self._max_depth} levels deep")
        if target.kind != "mapping":
            raise _fault(node, "merge", '"<<" takes a mapping, or a list of mappings')
        self._count(node)
        if node.kind == "alias":
            self._count(self._enter(node))
            self._fill(target, mapping, depth)
            self._leave(target)
        else:
            self._fill(node, mapping, depth)

    def _tell(self, node: Node, code: str, message: str) -> None:
        """Record a fault once, however often aliases repeat its node."""
        if id(node) not in self._told:
            self._told.add(id(node))
            self.faults.append(_fault(node, code, message))


def _why_no_key(node: Node) -> str:
    if node.kind == "mapping":
        return 'a mapping cannot be a key; a template ("{{") must be rendered first, or quoted'
    return "a list cannot be a key"


def _fault(node: Node, code: str, message: str) -> TextFault:
    return TextFault(code, message, node.line, node.column)
