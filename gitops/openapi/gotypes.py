"""What Go's sources say and OpenAPI does not: omitted zero values, enums, defaulted fields.

In: folders with the sources of k8s.io/api and its siblings, as Go's module cache lays them out.
Out: for a definition, the fields that are dropped when they hold their zero value, the values of
string types marked `+enum`, and the fields that the API server's defaulting fills. Called by
`gitops.openapi.reduce` only, when the packaged data is made; a fact is taken only where the
source states it plainly.
"""

import functools
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

_STRUCT: Final = re.compile(r"^type (\w+) struct \{$(.*?)^\}", re.MULTILINE | re.DOTALL)
_FIELD: Final = re.compile(
    r'^\t(?:(\w+)[ \t]+)?([\w.*\[\]]+)[ \t]+`[^`]*json:"([^"]*)"', re.MULTILINE
)
_ALIAS: Final = re.compile(r"^type (\w+) = (v\w+)\.(\w+)$", re.MULTILINE)
_ENUM: Final = re.compile(r"^((?://.*\n)+)type (\w+) string$", re.MULTILINE)
_DEFAULTS: Final = re.compile(
    r"^func SetDefaults_\w+\(obj \*(?:\w+\.)?(\w+)\) \{$(.*?)^\}", re.MULTILINE | re.DOTALL
)
_STATEMENT: Final = re.compile(
    r"^\t+(?:(?P<alias>\w+) := &(?P<base>\w+)\.(?P<items>[\w.]+)(?:\[\w+\])?$"
    r"|(?P<local>\w+) := (?P<given>.+)$"
    r"|(?P<star>\*)?(?P<name>\w+)\.(?P<path>[\w.]+)(?:, \w+)? = (?P<value>.+)$)",
    re.MULTILINE,
)
_WRAPPED: Final = re.compile(r"(?:ptr\.To(?:\[\w+\])?|[\w.]*[A-Z]\w*|int32|int64)\((.*)\)")
_OUTSIDE: Final = re.compile(r"^\t(\w+)[ \t]*=[ \t]*(.+)$", re.MULTILINE)
_CONST: Final = re.compile(
    r'^(?:const |\t)(\w+)(?:[ \t]+\w+)?[ \t]*=[ \t]*("[^"]*"|-?\d+$)', re.MULTILINE
)
_OCTAL: Final = re.compile(r"0[0-7]+")
BYTES: Final = "[]byte"
"""The one slice that is a scalar in JSON; nothing of it is left out like an empty text."""
UNKNOWN: Final = None
"""A default that depends on something else, or that the source does not state plainly."""
_VALUE: Final = re.compile(r'^\t\w+[ \t]+(\w+)[ \t]*=[ \t]*"([^"]*)"', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Struct:
    """One Go struct: Go types by JSON name, those tagged `omitempty`, what it embeds."""

    omitted: dict[str, str] = field(default_factory=dict)
    types: dict[str, str] = field(default_factory=dict)
    embeds: list[str] = field(default_factory=list)
    go_names: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Package:
    """The structs and enums of one Go package; `aliases` are structs of another version's."""

    structs: dict[str, Struct]
    enums: dict[str, list[str]]
    constants: dict[str, str] = field(default_factory=dict)
    aliases: dict[str, str] = field(default_factory=dict)


class GoTypes:
    """Packages of a module cache's `k8s.io` folder, at one version of the staging modules."""

    def __init__(self, folder: Path, version: str) -> None:
        self._folder = folder
        self._version = version

    def omits_zero(self, definition: str) -> set[str]:
        """Fields of a definition that are dropped at their zero value, if they are scalars."""
        package, struct = self._find(definition)
        return set() if package is None or struct is None else _omitted(package, struct)

    def plain(self, definition: str) -> set[str]:
        """Fields that are no pointer, slice or map: if they are structs, {} says nothing."""
        package, struct = self._find(definition)
        if package is None or struct is None:
            return set()
        types = _all_types(package, struct)
        return {name for name, kind in types.items() if kind[0] not in "*[" and "map[" not in kind}

    def enums(self, definition: str) -> dict[str, list[str]]:
        """Field name to the values it may have."""
        package, struct = self._find(definition)
        if package is None or struct is None:
            return {}
        types = _all_types(package, struct)
        return {
            name: package.enums[kind.lstrip("*")]
            for name, kind in types.items()
            if kind.lstrip("*") in package.enums
        }

    def defaulted(self, definition: str) -> dict[str, Any]:
        """Fields of a definition that the API server fills, with the value, or UNKNOWN."""
        package, struct = self._find(definition)
        name = definition.rpartition(".")[2]
        if package is None or struct is None:
            return {}
        found: dict[str, Any] = {}
        file = self._defaults_file(definition)
        core = read_package(self._folder / f"api@{self._version}" / "core" / "v1").constants
        constants = {**core, **package.constants, **read_package(file.parent).constants}
        for owner, path, text in _all_defaults(package, file):
            holder = _walk(package, owner, path[:-1])
            known = struct if holder == name else package.structs.get(holder, Struct())
            if holder in {name, *_all_embeds(package, struct)} and path[-1] in known.go_names:
                key = known.go_names[path[-1]]
                value = _literal(text, constants)
                found[key] = value if found.get(key, value) == value else UNKNOWN
        return found

    def _defaults_file(self, definition: str) -> Path:
        module, _, inside = definition.removeprefix("io.k8s.").rpartition(".")[0].partition(".")
        folder = self._folder / f"{module}@{self._version}" / inside.replace(".", "/")
        if module == "api":
            kubernetes = self._version.replace("v0.", "v1.", 1)
            apis = self._folder / f"kubernetes@{kubernetes}" / "pkg" / "apis"
            folder = apis / inside.replace(".", "/")
        return folder / "defaults.go"

    def _find(self, definition: str) -> tuple[Package | None, Struct | None]:
        path, _, name = definition.removeprefix("io.k8s.").rpartition(".")
        module, _, inside = path.partition(".")
        folder = self._folder / f"{module}@{self._version}" / inside.replace(".", "/")
        package = read_package(folder)
        return package, package.structs.get(name)


@functools.cache
def read_package(folder: Path) -> Package:
    """Read the Go files of a folder; nothing where there is no such folder."""
    files = sorted(folder.glob("*.go")) if folder.is_dir() else []
    text = "\n".join(f.read_text() for f in files if not f.name.endswith("_test.go"))
    marked = {name for comment, name in _ENUM.findall(text) if "+enum" in comment}
    enums: dict[str, list[str]] = {}
    for kind, value in _VALUE.findall(text):
        if kind in marked:
            enums.setdefault(kind, []).append(value)
    structs = {name: _struct(body) for name, body in _STRUCT.findall(text)}
    aliases: dict[str, str] = {}
    for name, version, theirs in _ALIAS.findall(text):
        known = read_package(folder.parent / version).structs
        if theirs in known:
            structs[name], aliases[name] = known[theirs], version
    constants = dict(_CONST.findall(text))
    for version in sorted(set(aliases.values())):
        constants = read_package(folder.parent / version).constants | constants
    return Package(structs, enums, constants, aliases)


def _all_defaults(package: Package, file: Path) -> list[tuple[str, tuple[str, ...], str]]:
    """What a package's own defaulting assigns, and another version's to what is taken from it."""
    found = list(read_defaults(file))
    for name, version in package.aliases.items():
        beside = file.parents[1] / version / file.name
        found += [row for row in read_defaults(beside) if row[0] == name]
    return found


@functools.cache
def read_defaults(file: Path) -> tuple[tuple[str, tuple[str, ...], str], ...]:
    """(Go type, Go field names, Go expression) of every field that `SetDefaults_` assigns."""
    text = file.read_text() if file.is_file() else ""
    outside = dict(_OUTSIDE.findall(text.partition("\nfunc ")[0]))
    return tuple(
        (owner, path, value)
        for owner, body in _DEFAULTS.findall(text)
        for path, value in _assigned(body, outside).items()
    )


def _assigned(body: str, outside: Mapping[str, str]) -> dict[tuple[str, ...], str]:
    """The fields that a function's body assigns, through its local names for items of lists.

    An expression is "" where a field is given several.
    """
    names: dict[str, tuple[str, ...]] = {"obj": ()}
    given = dict(outside)
    found: dict[tuple[str, ...], str] = {}
    for match in _STATEMENT.finditer(body):
        if match["alias"] and match["base"] in names:
            names[match["alias"]] = (*names[match["base"]], *match["items"].split("."))
        elif match["local"]:
            given[match["local"]] = match["given"]
        elif match["name"] in names:
            path = (*names[match["name"]], *match["path"].split("."))
            value = match["value"].strip()
            value = given.get(value[1:], "") if value.startswith("&") else value
            is_first = path not in found or found[path].startswith("new(")
            found[path] = value if is_first or found[path] == value else ""
    return found


def _literal(text: str, constants: Mapping[str, str]) -> Any:
    """The JSON value of a Go expression; UNKNOWN where it is no plain constant."""
    text = text.partition("//")[0].strip()
    wrapped = _WRAPPED.fullmatch(text)
    if wrapped:
        return _literal(wrapped[1], constants)
    text = constants.get(text.rpartition(".")[2], text)
    if _OCTAL.fullmatch(text):
        return int(text, 8)
    try:
        value = json.loads(text)
    except ValueError:
        return UNKNOWN
    return value if isinstance(value, (str, int)) else UNKNOWN


def _walk(package: Package, owner: str, path: Sequence[str]) -> str:
    """The Go type that a path of fields leads to; "" where it leaves the package."""
    for step in path:
        owner = _field_type(package.structs.get(owner, Struct()), step)
    return owner


def _field_type(struct: Struct, go_name: str) -> str:
    return struct.types.get(struct.go_names.get(go_name, ""), "").rpartition(".")[2].lstrip("*[]")


def _struct(body: str) -> Struct:
    made = Struct()
    for name, kind, tag in _FIELD.findall(body):
        key, _, options = tag.partition(",")
        if "inline" in options or not key:
            made.embeds.append(kind)
        else:
            made.types[key] = kind
            made.go_names[name or kind.rpartition(".")[2]] = key
            if {"omitempty", "omitzero"} & set(options.split(",")):
                made.omitted[key] = kind
    return made


def _omitted(package: Package, struct: Struct) -> set[str]:
    found = {
        name
        for name, kind in struct.omitted.items()
        if kind == BYTES or (kind[0] not in "*[" and "map[" not in kind)
    }
    for embedded in struct.embeds:
        inner = package.structs.get(embedded)
        found |= _omitted(package, inner) if inner else set()
    return found


def _all_embeds(package: Package, struct: Struct) -> set[str]:
    """What a struct embeds, and what that embeds."""
    inner = [package.structs[name] for name in struct.embeds if name in package.structs]
    return {*struct.embeds, *(name for one in inner for name in _all_embeds(package, one))}


def _all_types(package: Package, struct: Struct) -> dict[str, str]:
    found: dict[str, str] = {}
    for embedded in struct.embeds:
        inner = package.structs.get(embedded)
        found.update(_all_types(package, inner) if inner else {})
    return found | struct.types
