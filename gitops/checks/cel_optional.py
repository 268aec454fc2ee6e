"""Optional values in CEL (`.?`, `[?…]`, `{?k: v}`), and functions with a namespace, as cel-go.

In: the text of an expression, and variables. Out: a program; `FUNCTIONS` for it. Called by
`cel_child.py`. The library's grammar knows neither: forms are added to it, and what is written
is turned into what its evaluator knows. Flux gives its checks cel-go's OptionalTypes, Sets and
Encoders.
"""

import base64
import binascii
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import celpy
from celpy import celparser, celtypes
from celpy.evaluation import CELEvalError, Evaluator
from lark import Lark, Token, Tree

_MEMBER: Final = "member         : member_dot |"
_LITERALS: Final = {
    'list_lit       : "[" [exprlist] "]"': 'list_lit : "[" [listinits] "]"',
    'mapinits       : expr ":" expr ("," expr ":" expr)*': 'mapinits : entry ("," entry)*',
}
_OPTIONAL: Final = """
listinits : item ("," item)*
item : expr | optional_item
optional_item : "?" expr
entry : expr ":" expr | optional_entry
optional_entry : "?" expr ":" expr
member_optional : member "." "?" IDENT
member_optional_index : member "[" "?" expr "]"
"""
_CHAINED: Final = {"member_dot": "member_optional", "member_index": "member_optional_index"}
_NAMESPACES: Final = frozenset({"optional", "sets", "base64", "strings"})


@dataclass(frozen=True, slots=True)
class Maybe:
    """An optional value: none, or one."""

    values: tuple[Any, ...] = ()

    def __iter__(self) -> Iterator[Any]:
        return iter(self.values)


NONE: Final = Maybe()


# --- Reading ------------------------------------------------------------------------------------


def environment() -> celpy.Environment:
    """The library's environment with these forms in its grammar."""
    grammar = (Path(celparser.__file__).parent / "cel.lark").read_text("utf-8")
    extended = grammar.replace(_MEMBER, f"{_MEMBER} member_optional | member_optional_index |")
    for form, with_optional in _LITERALS.items():
        extended = extended.replace(form, with_optional)
    celparser.CELParser.CEL_PARSER = Lark(
        extended + _OPTIONAL,
        parser="lalr",
        start="expr",
        lexer_callbacks={"IDENT": celparser.CELParser.ambiguous_literals},
        propagate_positions=True,
        maybe_placeholders=False,
        priority="invert",
    )
    return celpy.Environment(runner_class=_Runner)


def compiled(environment: celpy.Environment, expression: str) -> Tree[Token]:
    """The tree of an expression; raises CELParseError."""
    tree = environment.compile(expression)
    for node in list(tree.iter_subtrees()):  # what is below comes first
        if node.data in _CHAINED and _is_optional(node.children[0]):
            node.data = _CHAINED[node.data]
        elif node.data == "member_dot_arg":
            _rewrite_call(node)
    return tree


def _is_optional(member: Any) -> bool:
    """Whether a member ends in an optional selection: what is selected further is optional too."""
    return _only(member, "member").data in _CHAINED.values()


def _only(tree: Any, *names: str) -> Any:
    """The one child of nodes of these names, from the outside in; else the node itself."""
    for name in names:
        if tree.data != name or len(tree.children) != 1 or isinstance(tree.children[0], Token):
            return tree
        tree = tree.children[0]
    return tree


def _rewrite_call(node: Any) -> None:
    """Namespaces become part of a function's name; `optMap` is `map` over none or one value."""
    member, name, *arguments = node.children
    if name in _OPTIONAL_MAPS:
        mapped = Tree("member_dot_arg", [member, Token("IDENT", "map"), *arguments])
        _call(node, _OPTIONAL_MAPS[name], [Tree("exprlist", [Tree("member", [mapped])])])
        return
    ident = _only(member, "member", "primary")
    if ident.data == "ident" and ident.children[0] in _NAMESPACES:
        _call(node, f"{ident.children[0]}.{name}", arguments)


def _call(node: Any, function: str, arguments: list[Any]) -> None:
    node.data = "primary"
    node.children = [Tree("ident_arg", [Token("IDENT", function), *arguments])]


_OPTIONAL_MAPS: Final = {"optMap": "optional.first", "optFlatMap": "optional.flat"}


# --- Evaluating ---------------------------------------------------------------------------------


class _Evaluator(Evaluator):
    def sub_evaluator(self, ast: Any) -> "_Evaluator":
        return _Evaluator(ast, activation=self.activation)

    def member_optional(self, tree: Any) -> Any:
        member, name = tree.children
        return _select(self.visit(member), celtypes.StringType(name))

    def member_optional_index(self, tree: Any) -> Any:
        member, index = self.visit_children(tree)
        return _select(member, index)

    def listinits(self, tree: Any) -> Any:
        values: list[Any] = []
        for item in tree.children:
            found: Any = self.visit_children(item)[0]
            if isinstance(found, CELEvalError):
                return found
            values += found.values if isinstance(found, _Entry) else [found]
        return celtypes.ListType(values)

    def optional_item(self, tree: Any) -> Any:
        return _entry(self.visit_children(tree)[0], lambda value: value)

    def mapinits(self, tree: Any) -> Any:
        made = celtypes.MapType()
        for entry in tree.children:
            found: list[Any] = list(self.visit_children(entry))
            errors = [one for one in found if isinstance(one, CELEvalError)]
            if errors:
                return errors[0]
            for key, value in found[0].values if isinstance(found[0], _Entry) else [found]:
                if key in made:
                    raise ValueError(f"Duplicate key {key!r}")
                made[key] = value
        return made

    def optional_entry(self, tree: Any) -> Any:
        found: list[Any] = list(self.visit_children(tree))
        key = found[0]
        if isinstance(key, CELEvalError):
            return key
        return _entry(found[1], lambda value: (key, value))

    def macro_has_eval(self, exprlist: Any) -> Any:
        found: Any = self.visit_children(exprlist)[0]
        if isinstance(found, Maybe):
            return celtypes.BoolType(bool(found.values))
        return celtypes.BoolType(not isinstance(found, CELEvalError))


@dataclass(frozen=True, slots=True)
class _Entry:
    """What an optional entry of a literal puts into it: nothing, or one."""

    values: tuple[Any, ...]


def _entry(found: Any, put: Callable[[Any], Any]) -> Any:
    if isinstance(found, CELEvalError):
        return found
    if not isinstance(found, Maybe):
        return CELEvalError("an optional entry needs an optional value", TypeError, ())
    return _Entry(tuple(put(value) for value in found.values))


class _Runner(celpy.InterpretedRunner):
    def evaluate(self, context: Any) -> Any:
        return _Evaluator(ast=self.ast, activation=self.new_activation()).evaluate(context)


def _select(member: Any, key: Any) -> Any:
    """What a map or a list has under a key, as an optional value."""
    for value in (member, key):
        if isinstance(value, CELEvalError):
            return value
    if isinstance(member, Maybe):
        return _select(member.values[0], key) if member.values else NONE
    if isinstance(member, celtypes.MapType):
        return Maybe((member[key],)) if key in member else NONE
    if isinstance(member, celtypes.ListType) and isinstance(key, celtypes.IntType):
        return Maybe((member[key],)) if 0 <= key < len(member) else NONE
    return CELEvalError("no such overload", TypeError, ())


def _of_maybe(function: Callable[..., Any]) -> Callable[..., Any]:
    """A method of optional values alone."""

    def called(maybe: Any, *arguments: Any) -> Any:
        if not isinstance(maybe, Maybe):
            raise TypeError("no optional value")
        return function(maybe, *arguments)

    return called


def _value(maybe: Maybe) -> Any:
    if maybe.values:
        return maybe.values[0]
    return CELEvalError("optional.none() dereference", ValueError, ())


def _first(values: Iterable[Any]) -> Maybe:
    return Maybe(tuple(values)[:1])


def _flat(values: Iterable[Any]) -> Any:
    return next(iter(values), NONE)


def _non_zero(value: Any) -> Maybe:
    return Maybe((value,)) if value else NONE


def _contains(whole: Any, part: Any) -> Any:
    return celtypes.BoolType(all(item in whole for item in part))


def _equivalent(one: Any, other: Any) -> Any:
    return celtypes.BoolType(_contains(one, other) and _contains(other, one))


def _intersects(one: Any, other: Any) -> Any:
    return celtypes.BoolType(any(item in one for item in other))


def _encode(content: Any) -> Any:
    if not isinstance(content, celtypes.BytesType):
        raise TypeError("no bytes")
    return celtypes.StringType(base64.b64encode(content).decode("ascii"))


def _decode(text: Any) -> Any:
    try:
        return celtypes.BytesType(base64.b64decode(str(text), validate=True))
    except binascii.Error:
        return CELEvalError("illegal base64 data", ValueError, ())


FUNCTIONS: Final[dict[str, Callable[..., Any]]] = {
    "optional.of": lambda value: Maybe((value,)),
    "optional.ofNonZeroValue": _non_zero,
    "optional.none": lambda: NONE,
    "optional.first": _first,
    "optional.flat": _flat,
    "hasValue": _of_maybe(lambda maybe: celtypes.BoolType(bool(maybe.values))),
    "value": _of_maybe(_value),
    "orValue": _of_maybe(lambda maybe, other: maybe.values[0] if maybe.values else other),
    "or": _of_maybe(lambda maybe, other: maybe if maybe.values else other),
    "first": _first,
    "last": lambda items: Maybe(tuple(items)[-1:]),
    "sets.contains": _contains,
    "sets.equivalent": _equivalent,
    "sets.intersects": _intersects,
    "base64.encode": _encode,
    "base64.decode": _decode,
}
