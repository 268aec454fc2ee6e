"""Health checks that users bring: which one is for a kind, and what its answer means.

In: Argo CD's `resource.customizations` keys, Flux's `healthCheckExprs`, files in Argo CD's layout;
what a check answered. Out: a book of checks, verdicts. Called by `gitops.checks`, which reads
files and runs the checks, and by the reader of Applications.
"""

import functools
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from gitops.core import globs
from gitops.core.health.conventions import unobserved
from gitops.core.health.fields import MalformedError, condition, mapping, text
from gitops.core.yaml.reader import read_documents
from gitops.errors import InputError
from gitops.model.application import HealthExpressions
from gitops.model.health import Checked, Health, HealthStatus
from gitops.model.objects import Body, split_api_version

PREFIX: Final = "resource.customizations"
LAYOUT: Final = "<group>/<kind>/health.lua"
MESSAGE_CHARACTERS: Final = 4096


@dataclass(frozen=True, slots=True)
class LuaCheck:
    """A script as Argo CD's users write it; `where` is its file, or key and file."""

    source: str
    where: str


@dataclass(frozen=True, slots=True)
class CelCheck:
    """Expressions as Flux's users write them; "" where one is not given."""

    current: str
    in_progress: str
    failed: str
    where: str


Check = LuaCheck | CelCheck


@dataclass(frozen=True, slots=True)
class Layer:
    """Checks of one place: by `group/Kind` (`Kind` in the core group), then the first pattern."""

    exact: Mapping[str, Check] = field(default_factory=dict)
    patterns: tuple[tuple[Callable[[str], object], Check], ...] = ()

    def find(self, key: str) -> Check | None:
        """The check for a kind; None where there is none."""
        found = self.exact.get(key)
        if found is not None:
            return found
        return next((check for is_for, check in self.patterns if is_for(key)), None)


@dataclass(frozen=True, slots=True)
class CheckBook:
    """Layers in their order of precedence."""

    layers: tuple[Layer, ...] = ()

    def find(self, body: Body) -> Check | None:
        """The check for an object's kind; None where there is none."""
        key = _key_of(body)
        return next((c for layer in self.layers if (c := layer.find(key)) is not None), None)

    def __bool__(self) -> bool:
        return any(layer.exact or layer.patterns for layer in self.layers)


def _key_of(body: Body) -> str:
    """The key of an object's kind; "" where it has none."""
    api_version, kind = body.get("apiVersion"), body.get("kind")
    if not isinstance(api_version, str) or not isinstance(kind, str):
        return ""
    return _key(split_api_version(api_version)[0], kind)


def _key(group: str, kind: str) -> str:
    return f"{group}/{kind}" if group else kind


# --- Argo CD ------------------------------------------------------------------------------------


def layer_of_files(scripts: Mapping[str, str]) -> Layer:
    """Scripts by the path of their folder below the directory: `apps/Deployment`, `Pod`.

    `_` stands for any part of a group or kind; among such folders the first by name wins.
    """
    checks = {path: LuaCheck(text, f"{path}/health.lua") for path, text in scripts.items()}
    patterns = tuple(
        (re.compile(re.escape(path).replace("_", "[^/]*")).fullmatch, checks[path])
        for path in sorted(checks)
        if "_" in path
    )
    return Layer(checks, patterns)


def layer_of_customizations(data: Mapping[str, Any], where: str) -> Layer:
    """What a ConfigMap as `argocd-cm` says of health; its other keys are passed over.

    Keys are `resource.customizations.health.<group>_<kind>`, and `resource.customizations` with a
    mapping `<group>/<kind>: {health.lua: …}`, where `*` stands for anything. The first wins.
    Raises InputError.
    """
    found = dict(_old_customizations(data.get(PREFIX), where))
    prefix = f"{PREFIX}.health."
    for key, source in data.items():
        if key.startswith(prefix) and isinstance(source, str) and source.strip():
            found[_override_key(key.removeprefix(prefix), key, where)] = LuaCheck(
                source, f"{key} in {where}"
            )
    wild = sorted((key for key in found if _WILD.search(key)), key=lambda key: (-len(key), key))
    return Layer(found, tuple((functools.partial(globs.matches, key), found[key]) for key in wild))


_WILD: Final = re.compile(r"[*?\[{]")


def _override_key(named: str, key: str, where: str) -> str:
    """`<group>_<kind>` or `<kind>` as the book has it."""
    parts = named.split("_")
    if not named or len(parts) > 2:  # noqa: PLR2004 - a group and a kind
        raise InputError(
            f"{key} names no kind",
            where=where,
            remedy=f"write {PREFIX}.health.<group>_<kind>, or .<kind> in the core group",
        )
    return "*/*" if named == "all" else "/".join(parts)


def _old_customizations(value: Any, where: str) -> Iterable[tuple[str, LuaCheck]]:
    if not isinstance(value, str) or not value.strip():
        return
    documents = list(read_documents(value))
    for fault in (fault for document in documents for fault in document.faults):
        raise InputError(f"{PREFIX}:{fault.line} is no YAML: {fault.message}", where=where)
    kinds = documents[0].value if documents else {}
    if not isinstance(kinds, Mapping):
        raise InputError(
            f"{PREFIX} is no mapping", where=where, remedy="write <group>/<kind>: {health.lua: …}"
        )
    for kind, customized in kinds.items():
        source = customized.get("health.lua") if isinstance(customized, Mapping) else None
        if isinstance(source, str) and source.strip():
            yield kind, LuaCheck(source, f"{PREFIX} {kind} in {where}")


def judge_lua(check: LuaCheck, said: str, parts: Sequence[str]) -> Checked | None:
    """What the answer of a script means; see `gitops/checks/sandbox.lua` for its shape.

    None where the script says nothing, so that the next rule speaks; an empty table is no health.
    """
    if said == "nothing":
        return None
    if said == "empty":
        return Checked(Health(None))
    if said == "error":
        return unknown(lua_error(check.where, parts[0]))
    if said == "other":
        return unknown(f"{check.where}: expect table output from Lua script, not {parts[0]}")
    status, message, deletion = (part[:MESSAGE_CHARACTERS] for part in parts)
    if status not in _STATUSES:
        return unknown(f"{check.where}: Lua returned an invalid health status", deletion)
    return Checked(Health(HealthStatus(status), message), deletion)


_STATUSES: Final = frozenset(status.value for status in HealthStatus)


def lua_error(where: str, message: str) -> str:
    """`check:3: …` of Lua with the file that it came from."""
    message = message[:MESSAGE_CHARACTERS]
    return where + message.removeprefix("check") if _LINE.match(message) else f"{where}: {message}"


_LINE: Final = re.compile(r"check:\d+: ")


def unknown(message: str, deletion_message: str = "") -> Checked:
    """The verdict where a check cannot tell."""
    return Checked(Health(HealthStatus.UNKNOWN, message), deletion_message)


# --- Flux ---------------------------------------------------------------------------------------


def layer_of_expressions(entries: Any, where: str) -> Layer:
    """Flux's `healthCheckExprs`: `[{apiVersion, kind, current, inProgress, failed}]`.

    Without a kind an entry is for every kind of the group. Raises InputError.
    """
    if not isinstance(entries, list | tuple):
        raise InputError("healthCheckExprs is no list", where=where, remedy=_EXPRESSIONS)
    read = [_expressions(entry, f"healthCheckExprs[{i}]", where) for i, entry in enumerate(entries)]
    kinds = [(split_api_version(one.api_version)[0], one.kind) for one in read]
    twice = next((i for i, kind in enumerate(kinds) if kind in kinds[:i]), None)
    if twice is not None:
        said = f"healthCheckExprs[{twice}] is for a kind that has expressions already"
        raise InputError(said, where=where)
    return layer_of_application(tuple(read), where)


@functools.lru_cache(maxsize=1024)
def layer_of_application(entries: tuple[HealthExpressions, ...], where: str) -> Layer:
    """The expressions of an Application, or of a file; the first for a kind wins."""
    exact: dict[str, Check] = {}
    patterns: list[tuple[Callable[[str], object], Check]] = []
    for index, entry in enumerate(entries):
        place = f"healthCheckExprs[{index}] in {where}"
        check = CelCheck(entry.current, entry.in_progress, entry.failed, place)
        group = split_api_version(entry.api_version)[0]
        if entry.kind:
            exact.setdefault(_key(group, entry.kind), check)
        else:
            any_kind = f"{re.escape(group)}/[^/]+" if group else "[^/]+"
            patterns.append((re.compile(any_kind).fullmatch, check))
    return Layer(exact, tuple(patterns))


def own_check(entries: tuple[HealthExpressions, ...], body: Body) -> Check | None:
    """The expressions of an object's own application for its kind; None where it has none."""
    if not entries:
        return None
    return layer_of_application(entries, "the Application's spec").find(_key_of(body))


_EXPRESSIONS: Final = "write a list of {apiVersion, kind, current, inProgress, failed}"
_KEYS: Final = ("apiVersion", "kind", "current", "inProgress", "failed")


def _expressions(entry: Any, place: str, where: str) -> HealthExpressions:
    values = entry if isinstance(entry, Mapping) else {}
    words = {key: values.get(key) or "" for key in _KEYS}
    if not isinstance(entry, Mapping) or not all(isinstance(word, str) for word in words.values()):
        raise InputError(f"{place} is no mapping of strings", where=where, remedy=_EXPRESSIONS)
    missing = next((key for key in ("apiVersion", "current") if not words[key].strip()), None)
    if missing is not None:
        raise InputError(f"{place} has no {missing}", where=where, remedy=_EXPRESSIONS)
    return HealthExpressions(
        words["apiVersion"], words["current"], words["kind"], words["inProgress"], words["failed"]
    )


def judge_generation(body: Body) -> Checked | None:
    """Flux asks no expression of an object whose generation was not observed: it is Progressing."""
    try:
        said = unobserved(body)
    except MalformedError:
        return None
    return Checked(Health(HealthStatus.PROGRESSING, said)) if said else None


def judge_cel(check: CelCheck, said: str, parts: Sequence[str], body: Body) -> Checked:
    """What the first true expression means: `inProgress`, `failed`, `current`, or `none`.

    The message is that of the object's Ready condition, since an expression has none.
    """
    if said == "error":
        return unknown(f"{check.where}: {parts[0][:MESSAGE_CHARACTERS]}")
    return Checked(Health(_MEANINGS.get(said, HealthStatus.PROGRESSING), _ready_message(body)))


_MEANINGS: Final = {"failed": HealthStatus.DEGRADED, "current": HealthStatus.HEALTHY}


def _ready_message(body: Body) -> str:
    try:
        ready = condition(mapping(body, "status"), "Ready")
        return text(ready, "message") if ready else ""
    except MalformedError:
        return ""
