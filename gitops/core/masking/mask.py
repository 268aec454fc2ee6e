"""Hide what must never show: Secrets, their values elsewhere, environment variables, named paths.

In: a keyed hash and the bodies whose Secrets count, of both sides. Out: bodies, differences, plans
and texts without secrets. A mask is `•••• (a1b2c3)`: equal values have equal masks, so that a
change still shows. Called wherever something leaves for people or history's index; nothing here
raises, whatever a body holds. The documented names are in `core/masking/sensitive.py`.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any, Final

from gitops.core.masking.sensitive import (
    DEEPEST,
    LAST_APPLIED,
    SHORTEST,
    URL_PASSWORD,
    decode_secret,
    is_secret,
    is_sensitive_env,
    load_json,
    secret_values,
    spellings,
)
from gitops.core.pointers import parse_pointer, value_at
from gitops.model.diff import ABSENT, Diff, FieldChange
from gitops.model.objects import Body
from gitops.model.plan import Action, Plan

Digest = Callable[[bytes], str]
Tokens = tuple[str, ...]
MASK: Final = "••••"
_SHOWN: Final = 6
_IDENTITY: Final = frozenset({
    ("apiVersion",), ("kind",), ("metadata", "name"), ("metadata", "namespace"),
})  # fmt: skip


def keyed_digest(key: bytes) -> Digest:
    """A hash of content under a key, as `Masker` wants it."""
    return lambda content: hmac.new(key, content, hashlib.sha256).hexdigest()


class Masker:
    """Masks with what is known of the Secrets among some bodies.

    `rules` are (kind, pointer) pairs besides: the kind may be a glob, a token of the pointer `*`.
    """

    def __init__(
        self, digest: Digest, bodies: Iterable[Any] = (), rules: Iterable[tuple[str, str]] = ()
    ) -> None:
        self._digest = digest
        self._masks: dict[bytes, str] = {}
        self._known: dict[str, str] = {}
        self._rules = [(kind, parse_pointer(pointer) or ()) for kind, pointer in rules]
        self._pattern: re.Pattern[str] | None = None
        public: set[str] = set()
        for body in bodies:
            public |= _identity_words(body)
            for text, value in secret_values(body):
                if len(text) >= SHORTEST:
                    self._known.setdefault(text, self._mask(value))
        self._public = public

    def mask_body(self, body: Any) -> Any:
        """The body without secrets; the same shape, and new where anything changed."""
        return _Walk(self, body).value(body, (), 0)

    def mask_diff(self, diff: Diff, actual: Body | None = None) -> Diff:
        """The diff for people: without secrets in fields, patch and sentences, without `predicted`.

        `actual`, where it is at hand, tells the names of environment variables that are gone;
        without it their values are masked, whatever their names.
        """
        kind = {"kind": diff.id.kind, "apiVersion": diff.api_version}
        walk = _Walk(self, kind, [body for body in (diff.predicted, actual) if body is not None])
        return replace(
            diff,
            fields=tuple(walk.field(field, has_actual=actual is not None) for field in diff.fields),
            patch=tuple(walk.operation(operation) for operation in diff.patch),
            changes=tuple(self.mask_text(sentence) for sentence in diff.changes),
            predicted=None,
        )

    def mask_action(self, action: Action) -> Action:
        """An action for people, without manifests; never one to carry out."""
        walk = _Walk(self, {"kind": action.id.kind, "apiVersion": action.api_version})
        return replace(
            action,
            reason=self.mask_text(action.reason),
            held=None if action.held is None else self.mask_text(action.held),
            diff=None if action.diff is None else self.mask_diff(action.diff),
            desired=None,
            last_applied=None,
            removals=tuple(walk.operation(operation) for operation in action.removals),
            take_over=tuple(walk.operation(operation) for operation in action.take_over),
        )

    def mask_plan(self, plan: Plan) -> Plan:
        """A plan for people; never one to carry out."""
        return replace(
            plan,
            actions=tuple(self.mask_action(action) for action in plan.actions),
            faults=tuple(replace(f, message=self.mask_text(f.message)) for f in plan.faults),
            warnings=tuple(self.mask_text(warning) for warning in plan.warnings),
        )

    def mask_text(self, text: str) -> str:
        """A message without the Secrets' values and without passwords in URLs.

        Values that are also the name, namespace or kind of an object stay: they show anyway.
        """
        if self._pattern is None:
            words = {w for t in self._known if t not in self._public for w in spellings(t)}
            longest_first = sorted(words, key=lambda word: (-len(word), word))
            self._pattern = re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")
        found = self._pattern.sub(MASK, text)
        return URL_PASSWORD.sub(rf"\1:{MASK}", found)

    def known(self, text: str) -> str | None:
        """The mask of a text that is a Secret's value; None where it is none."""
        return self._known.get(text)

    def hide(self, value: Any, *, encoded: bool = False) -> str:
        """The mask of any value; `encoded` says that a text may be base64."""
        decoded = decode_secret(value) if encoded else None
        if decoded is not None:
            return self._mask(decoded)
        if isinstance(value, str):
            return self._mask(value.encode(errors="surrogatepass"))
        return self._mask(_dump(value).encode(errors="surrogatepass"))

    def rules_for(self, body: Any) -> list[Tokens]:
        """The pointers that rules name for a body's kind."""
        kind = str(body.get("kind") or "") if isinstance(body, Mapping) else ""
        return [pointer for glob, pointer in self._rules if fnmatchcase(kind, glob)]

    def _mask(self, value: bytes) -> str:
        if value not in self._masks:
            self._masks[value] = f"{MASK} ({self._digest(b'mask:' + value)[:_SHOWN]})"
        return self._masks[value]


class _Walk:
    """One object's masking: its kind, its rules, and the bodies that name its variables."""

    def __init__(self, masker: Masker, kind: Any, bodies: Sequence[Any] = ()) -> None:
        self._masker = masker
        self._is_secret = is_secret(kind)
        self._rules = masker.rules_for(kind)
        self._hides = self._is_secret or bool(self._rules)
        self._bodies = bodies

    def value(self, value: Any, path: Tokens, depth: int) -> Any:
        """A value at its path, masked."""
        if self._hides and self._is_hidden(path):
            return self._hide_all(value, path)
        if depth > DEEPEST:
            return MASK
        if isinstance(value, Mapping):
            inner = _Walk(self._masker, value) if path and is_secret(value) else None
            return inner.value(value, (), depth) if inner else self._mapping(value, path, depth)
        if isinstance(value, list | tuple):
            return [self.value(item, (*path, str(i)), depth + 1) for i, item in enumerate(value)]
        return self._text(value, path, depth) if isinstance(value, str) else value

    def _mapping(self, value: Mapping[str, Any], path: Tokens, depth: int) -> dict[str, Any]:
        masked = {
            key: self.value(item, (*path, str(key)), depth + 1) for key, item in value.items()
        }
        if "value" in value and _hides_env(value.get("name"), value["value"]):
            masked["value"] = self._masker.hide(value["value"])
        return masked

    def _text(self, value: str, path: Tokens, depth: int) -> str:
        known = self._masker.known(value) if path not in _IDENTITY else None
        if known is not None:
            return known
        inner = load_json(value)
        if inner is None and self._is_secret and path == ("metadata", "annotations", LAST_APPLIED):
            return self._masker.hide(value)
        if inner is None:
            return URL_PASSWORD.sub(rf"\1:{MASK}", value) if "://" in value else value
        walk = _Walk(self._masker, inner) if isinstance(inner, dict) else self
        masked = walk.value(inner, ("*json*",) if walk is self else (), depth + 1)
        return value if masked == inner else _dump(masked)

    def _is_hidden(self, path: Tokens) -> bool:
        if self._is_secret and path[:1] in {("data",), ("stringData",)}:
            return True
        return any(_matches(path, rule) for rule in self._rules)

    def _hide_all(self, value: Any, path: Tokens) -> Any:
        """Everything at or below a hidden path; keys of maps stay, so that people see which."""
        if value is None or value is ABSENT:
            return value
        if isinstance(value, Mapping) and len(path) == 1 and self._is_secret:
            return {key: self._hide_all(item, (*path, str(key))) for key, item in value.items()}
        return self._masker.hide(value, encoded=path[:1] == ("data",) and self._is_secret)

    def field(self, field: FieldChange, *, has_actual: bool) -> FieldChange:
        """One field of a diff."""
        path = parse_pointer(field.path) or ()
        hides = self._hides_variable(path, (field.before, field.after), has_actual=has_actual)
        return replace(
            field,
            before=self._side(field.before, path, hides=hides),
            after=self._side(field.after, path, hides=hides),
        )

    def operation(self, operation: Mapping[str, Any]) -> dict[str, Any]:
        """One operation of a JSON patch."""
        masked = dict(operation)
        if "value" in masked:
            path = parse_pointer(str(masked.get("path") or "")) or ()
            hides = self._hides_variable(path, (masked["value"],), has_actual=False)
            masked["value"] = self._side(masked["value"], path, hides=hides)
        return masked

    def _side(self, value: Any, path: Tokens, *, hides: bool) -> Any:
        if value is ABSENT:
            return value
        if hides and isinstance(value, str) and value:
            return self._masker.hide(value)
        return self.value(value, path, 0)

    def _hides_variable(self, path: Tokens, sides: Sequence[Any], *, has_actual: bool) -> bool:
        """Whether a path is the value of a variable whose name is sensitive, or unknown.

        Indexes may count in either body, so a name counts wherever the index or the value agrees.
        """
        if len(path) < 3 or path[-1] != "value" or path[-3] != "env":  # noqa: PLR2004 - env/0/value
            return False
        names = []
        for body in self._bodies:
            entries = value_at(body, path[:-2])
            for index, entry in enumerate(entries if isinstance(entries, list) else []):
                if isinstance(entry, Mapping) and (
                    str(index) == path[-2] or entry.get("value") in sides
                ):
                    names.append(entry.get("name"))
        values = _values(self._bodies, path)
        is_told = bool(names) and (has_actual or any(side in values for side in sides))
        return any(is_sensitive_env(name) for name in names) or not is_told


def _values(bodies: Sequence[Any], path: Tokens) -> list[Any]:
    """The values of the variables in the list that a path leads into."""
    found = (value_at(body, path[:-2]) for body in bodies)
    return [
        entry.get("value")
        for entries in found
        if isinstance(entries, list)
        for entry in entries
        if isinstance(entry, Mapping)
    ]


def _hides_env(name: Any, value: Any) -> bool:
    return (
        is_sensitive_env(name)
        and value is not None
        and value != ""
        and not isinstance(value, Mapping)
    )


def _matches(path: Tokens, rule: Tokens) -> bool:
    """Whether a path is at or below a rule's."""
    return len(path) >= len(rule) > 0 and all(
        wanted in {"*", token} for wanted, token in zip(rule, path, strict=False)
    )


def _identity_words(body: Any) -> set[str]:
    """Name, namespace and kind of a body: what shows of it anyway."""
    metadata = body.get("metadata") if isinstance(body, Mapping) else None
    words = [body.get("kind")] if isinstance(body, Mapping) else []
    if isinstance(metadata, Mapping):
        words += [metadata.get("name"), metadata.get("namespace")]
    return {word for word in words if isinstance(word, str)}


def _dump(value: Any) -> str:
    """Compact JSON; a constant for what is nested too deep for it."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
    except (RecursionError, ValueError, TypeError):
        return MASK
