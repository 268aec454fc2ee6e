"""One node of a schema: a struct, a map, a list by keys, a quantity; read from OpenAPI schemas.

In: OpenAPI schemas (Kubernetes' swagger v2, OpenAPI v3 or a CRD's). Out: `Shape`, from which one
walks down by `Shape.child` and `Shape.item`. Called by `core.shapes`, diff, normalize, validate.

The rules are those by which the API server turns schemas into its merge schema
(k8s.io/kube-openapi/pkg/schemaconv): a list without markers is atomic, a map without markers is
granular, and what no schema describes has granular maps and atomic lists.
Nothing is resolved before it is asked for, so recursive definitions cost nothing.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, Self

from gitops.model.diff import ABSENT

Schema = Mapping[str, Any]
OBJECT_META: Final = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
NATIVE: Final = (
    "io.k8s.api.",
    "io.k8s.apimachinery.",
    "io.k8s.apiextensions-apiserver.",
    "io.k8s.kube-aggregator.",
)
"""How the names of the API server's own definitions begin."""
QUANTITY_PATTERN: Final = r"(([KMGTPE]i)|[numkMGTPE]|([eE](\+|-)?(([0-9]+"
_MAX_REFS = 20


class Form(StrEnum):
    """What a value is; ANY where no schema says."""

    STRUCT = "struct"
    MAP = "map"
    LIST = "list"
    SCALAR = "scalar"
    ANY = "any"


class Scalar(StrEnum):
    """The type of a scalar."""

    STRING = "string"
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "boolean"
    QUANTITY = "quantity"
    INT_OR_STRING = "int-or-string"
    TIME = "date-time"
    DURATION = "duration"
    BYTES = "byte"


class ListType(StrEnum):
    """How a list is merged: as one value, by value, or by the keys of its items."""

    ATOMIC = "atomic"
    SET = "set"
    MAP = "map"


_NAMED: Final[Mapping[str, Scalar]] = {
    "Quantity": Scalar.QUANTITY,
    "IntOrString": Scalar.INT_OR_STRING,
    "Time": Scalar.TIME,
    "MicroTime": Scalar.TIME,
    "Duration": Scalar.DURATION,
}
_FORMATS: Final[Mapping[str, Scalar]] = {
    "int-or-string": Scalar.INT_OR_STRING,
    "date-time": Scalar.TIME,
    "duration": Scalar.DURATION,
    "byte": Scalar.BYTES,
    "quantity": Scalar.QUANTITY,
}
_TYPES: Final[Mapping[str, Scalar]] = {
    "string": Scalar.STRING,
    "integer": Scalar.INTEGER,
    "number": Scalar.NUMBER,
    "boolean": Scalar.BOOLEAN,
}


@dataclass(frozen=True, slots=True)
class Natives:
    """What the API server's own types do and OpenAPI does not tell, by definition.

    `omits_zero` are fields that are dropped when they hold their zero value, `defaulted` fields
    that are filled where they are left out, with the value (None where it depends).
    """

    omits_zero: Mapping[str, Sequence[str]] = field(default_factory=dict)
    defaulted: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def merge(self, other: Self) -> Self:
        """Both; where both know a definition, the other wins."""
        return type(self)(
            {**self.omits_zero, **other.omits_zero}, {**self.defaulted, **other.defaulted}
        )


class Definitions:
    """Named schemas, and the shapes already made of them."""

    __slots__ = ("cache", "natives", "schemas")

    def __init__(self, schemas: Mapping[str, Schema], natives: Natives | None = None) -> None:
        self.schemas = schemas
        self.natives = natives or Natives()
        self.cache: dict[str, Shape] = {}


class Shape:
    """One node of a schema.

    `name` is the definition's name, or "". `default` is ABSENT where the schema has none.
    `open` says that fields beyond the known ones are kept. `native` tells the API server's own
    types from custom resources, which are kept as they are written. `zeros` are the fields that
    the API server drops when they hold their zero value (false, 0, "", {}); `defaulted` are those
    that it fills where they are left out; `drops_zero` and `drops_empty` say it of this field.
    `keeps_null` says that null is a value here: custom resources have it where their schema says
    `nullable`, and in what it keeps without knowing it.
    """

    __slots__ = (
        "_children", "_definitions", "_item", "_outer", "_schema", "atomic", "default", "defaulted",
        "drops_empty", "drops_zero", "embedded", "enum", "form", "format", "keeps_null", "keys",
        "list_type", "name", "native", "nullable", "open", "required", "scalar", "zeros",
    )  # fmt: skip

    def __init__(self, schema: Schema, name: str, outer: Schema, definitions: Definitions) -> None:
        self._schema = schema
        self._outer = outer
        self._definitions = definitions
        self._children: dict[str, Shape] = {}
        self._item: Shape | None = None
        self.name = name
        self.scalar = _scalar(schema, name)
        self.form = _form(schema, self.scalar, name)
        self.list_type, self.keys = _list_type(schema)
        map_type = outer.get("x-kubernetes-map-type") or schema.get("x-kubernetes-map-type")
        self.atomic = map_type == "atomic" or name.endswith(".runtime.RawExtension")
        self.default: Any = outer.get("default", schema.get("default", ABSENT))
        self.required = frozenset(_strings(schema.get("required")))
        enum = schema.get("enum")
        self.enum: tuple[Any, ...] = tuple(enum) if isinstance(enum, list) else ()
        self.nullable = bool(outer.get("nullable") or schema.get("nullable"))
        self.format = str(schema.get("format") or "")
        self.embedded = schema.get("x-kubernetes-embedded-resource") is True
        self.native = name.startswith(NATIVE)
        self.zeros = definitions.natives.omits_zero.get(name, ())
        self.defaulted = definitions.natives.defaulted.get(name, {})
        self.drops_empty = False
        self.drops_zero = False
        self.keeps_null = False
        self.open = self.form in {Form.ANY, Form.MAP} or is_open(schema)

    @property
    def field_names(self) -> Iterable[str]:
        """The names of a struct's known fields, in the schema's order."""
        properties = self._schema.get("properties")
        return properties.keys() if isinstance(properties, Mapping) else ()

    def child(self, name: str) -> "Shape | None":
        """The shape of a field or of a map's value; None where the schema knows no such field."""
        found = self._children.get(name)
        if found is not None:
            return found
        schema = self._child_schema(name)
        if schema is None:
            return self._unknown if self.open else None
        made = make_shape(schema, self._definitions)
        if self.form is Form.MAP and not made.name:
            made.default = ABSENT  # of a value, not of an entry that is not there
        if self.native and not made.name:
            made.drops_zero = name in self.zeros
            made.drops_empty = made.form in {Form.MAP, Form.LIST}
        elif not made.name:
            made.keeps_null = made.nullable
        self._children[name] = made
        return made

    @property
    def _unknown(self) -> "Shape":
        """The shape of what is kept here without a schema."""
        preserves = self._schema.get("x-kubernetes-preserve-unknown-fields") is True
        return OPEN if self is OPEN or (preserves and not self.native) else ANY

    def _child_schema(self, name: str) -> Schema | None:
        properties = self._schema.get("properties")
        if isinstance(properties, Mapping) and name in properties:
            found = properties[name]
            return found if isinstance(found, Mapping) else {}
        values = self._schema.get("additionalProperties")
        return values if isinstance(values, Mapping) else None

    @property
    def item(self) -> "Shape":
        """The shape of a list's items."""
        if self._item is None:
            items = self._schema.get("items", self._outer.get("items"))
            if not isinstance(items, Mapping):
                return OPEN if self is OPEN else ANY
            self._item = make_shape(items, self._definitions)
            if not self._item.name:
                self._item.default = ABSENT  # of what an item leaves out, not of an item
        return self._item

    def key_default(self, key: str) -> Any:
        """The default of a list item's key field, or ABSENT."""
        child = self.item.child(key)
        return ABSENT if child is None else child.default


def make_shape(schema: Schema, definitions: Definitions) -> Shape:
    """The shape of a schema, following references; one shape a definition where it can be."""
    name = _reference(schema)
    if not name:
        return Shape(schema, "", schema, definitions)
    if len(schema) == 1 and name in definitions.cache:
        return definitions.cache[name]
    target: Schema | None = definitions.schemas.get(name)
    for _ in range(_MAX_REFS):
        inner = _reference(target) if target is not None else ""
        if not inner:
            break
        name, target = inner, definitions.schemas.get(inner)
    if target is None or _reference(target):
        return ANY if target is None and not _named_scalar(name) else _leaf(name, definitions)
    made = Shape(target, name, schema, definitions)
    if len(schema) == 1:
        definitions.cache[name] = made
    return made


def _leaf(name: str, definitions: Definitions) -> Shape:
    """A reference to a known scalar whose definition is missing, or to a loop of references."""
    return Shape({}, name, {}, definitions)


def _reference(schema: Schema) -> str:
    """The name that a schema refers to (alone, or in a single allOf), or ""."""
    ref = schema.get("$ref")
    if not isinstance(ref, str):
        every = schema.get("allOf")
        one = every[0] if isinstance(every, list) and len(every) == 1 else None
        ref = one.get("$ref") if isinstance(one, Mapping) else None
    return ref.rpartition("/")[2] if isinstance(ref, str) else ""


def _named_scalar(name: str) -> Scalar | None:
    package, _, last = name.rpartition(".")
    return _NAMED.get(last) if ".apimachinery." in f".{package}." else None


def _scalar(schema: Schema, name: str) -> Scalar | None:
    """The scalar type of a schema; None where it is not a scalar."""
    named = _named_scalar(name)
    if named is not None:
        return named
    if schema.get("x-kubernetes-int-or-string") is True:
        quantity = QUANTITY_PATTERN in str(schema.get("pattern") or "")
        return Scalar.QUANTITY if quantity else Scalar.INT_OR_STRING
    kind = _type(schema)
    if kind == "string":
        return _FORMATS.get(str(schema.get("format") or ""), Scalar.STRING)
    return _TYPES.get(kind)


def _type(schema: Schema) -> str:
    """The type; of OpenAPI 3.1's lists of types the first that is not null."""
    kind = schema.get("type")
    kinds = kind if isinstance(kind, list) else [kind]
    return next((k for k in kinds if isinstance(k, str) and k != "null"), "")


def _form(schema: Schema, scalar: Scalar | None, name: str) -> Form:
    if scalar is not None:
        return Form.SCALAR
    kind = _type(schema)
    if kind == "array" or (not kind and "items" in schema):
        return Form.LIST
    if name.endswith(".runtime.RawExtension"):
        return Form.ANY
    if "properties" in schema:
        return Form.STRUCT
    return Form.MAP if kind == "object" else Form.ANY


def is_open(schema: Schema) -> bool:
    """Whether an object keeps fields that its schema does not know."""
    return (
        schema.get("x-kubernetes-preserve-unknown-fields") is True
        or schema.get("additionalProperties") is True
    )


def _list_type(schema: Schema) -> tuple[ListType, tuple[str, ...]]:
    """How a list is merged: by its list type, else by its patch strategy, else atomic."""
    declared = schema.get("x-kubernetes-list-type")
    if declared == "set":
        return ListType.SET, ()
    if declared == "map":
        keys = tuple(_strings(schema.get("x-kubernetes-list-map-keys")))
        return (ListType.MAP, keys) if keys else (ListType.ATOMIC, ())
    strategy = str(schema.get("x-kubernetes-patch-strategy") or "").split(",")
    if declared is None and "merge" in strategy:
        key = schema.get("x-kubernetes-patch-merge-key")
        return (ListType.MAP, (key,)) if isinstance(key, str) and key else (ListType.SET, ())
    return ListType.ATOMIC, ()


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, (list, tuple)):
        yield from (item for item in value if isinstance(item, str))


ANY: Final = Shape({}, "", {}, Definitions({}))
"""What no schema describes: granular maps, atomic lists, scalars compared as they are."""
OPEN: Final = Shape({}, "", {}, Definitions({}))
"""The same below a custom resource's field that keeps what its schema does not know."""
OPEN.keeps_null = True
