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
from typing import Any, Final

from gitops.core.masking.rules import ANY, MaskRules, places_in
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
    texts_below,
)
from gitops.core.path_rules import IDENTITY
from gitops.core.pointers import Pointer, parse_pointer, value_at
from gitops.model.diff import ABSENT, Diff, FieldChange
from gitops.model.objects import Body, ObjectId, identify
from gitops.model.plan import Action, Plan

Digest = Callable[[bytes], str]
MASK: Final = "••••"
_SHOWN: Final = 6
_VALUE_KEYS: Final = frozenset({"v:", "k:"})
_QUOTES: Final = {"scale": "/spec/replicas", "image": "/image"}
"""Sentences that quote values, and the ends of the fields that they are about."""


def keyed_digest(key: bytes) -> Digest:
    """A hash of content under a key, as `Masker` wants it."""
    return lambda content: hmac.new(key, content, hashlib.sha256).hexdigest()


class Masker:
    """Masks with what is known of the Secrets among some bodies, and of what rules hide in them."""

    def __init__(
        self, digest: Digest, bodies: Iterable[Body] = (), rules: MaskRules | None = None
    ) -> None:
        self._digest = digest
        self._rules = rules or MaskRules()
        self._masks: dict[bytes, str] = {}
        self._known: dict[str, str] = {}
        self._hidden: dict[ObjectId, dict[Pointer, None]] = {}
        self._pattern: re.Pattern[str] | None = None
        self.faults: dict[ObjectId, str] = {}
        """What is wrong with a rule for an object, which is hidden altogether then."""
        public: set[str] = set()
        for body in bodies:
            public |= _identity_words(body)
            self._learn(secret_values(body))
            self._learn_rules(body)
        self._public = public

    def _learn(self, texts: Iterable[tuple[str, bytes]]) -> None:
        for text, value in texts:
            if len(text) >= SHORTEST:
                self._known.setdefault(text, self._mask(value))

    def _learn_rules(self, body: Body) -> None:
        """Remember what rules hide in a body: its places, for every body of the object."""
        places, fault = self._rules.hidden(body)
        if not places:
            return
        identity = identify(body)
        self._hidden.setdefault(identity, {}).update(dict.fromkeys(places))
        if fault:
            self.faults.setdefault(identity, fault)
        for place in places:
            for value in places_in(body, place):
                self._learn(texts_below(value))

    def mask_body(self, body: Any) -> Any:
        """The body without secrets; the same shape, and new where anything changed."""
        return _Walk(self, body, self.hidden(body)).value(body, (), 0)

    def mask_diff(self, diff: Diff, actual: Body | None = None) -> Diff:
        """The diff for people: without secrets in fields, patch and sentences, without `predicted`.

        `actual`, where it is at hand, tells the names of environment variables that are gone;
        without it their values are masked, whatever their names.
        """
        kind = {"kind": diff.id.kind, "apiVersion": diff.api_version}
        bodies = [body for body in (diff.predicted, actual) if body is not None]
        places = dict.fromkeys(place for body in bodies for place in self.hidden(body))
        places |= self._hidden.get(diff.id, {})
        walk = _Walk(self, kind, tuple(places), bodies)
        return replace(
            diff,
            fields=tuple(walk.field(field, has_actual=actual is not None) for field in diff.fields),
            patch=tuple(walk.operation(operation) for operation in diff.patch),
            changes=tuple(self.mask_text(walk.sentence(told, diff)) for told in diff.changes),
            predicted=None,
        )

    def mask_action(self, action: Action) -> Action:
        """An action for people, without manifests; never one to carry out."""
        kind = {"kind": action.id.kind, "apiVersion": action.api_version}
        walk = _Walk(self, kind, tuple(self._hidden.get(action.id, ())))
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

    def hidden(self, body: Any) -> tuple[Pointer, ...]:
        """The places of a body that rules hide, those of other bodies of its object included."""
        if not isinstance(body, Mapping):
            return ()
        places = dict.fromkeys(self._rules.hidden(body).places)
        return tuple(places | self._hidden.get(identify(body), {}))

    def _mask(self, value: bytes) -> str:
        if value not in self._masks:
            self._masks[value] = f"{MASK} ({self._digest(b'mask:' + value)[:_SHOWN]})"
        return self._masks[value]


class _Walk:
    """One object's masking: its kind, its rules, and the bodies that name its variables."""

    def __init__(
        self,
        masker: Masker,
        kind: Any,
        places: Sequence[Pointer] = (),
        bodies: Sequence[Any] = (),
    ) -> None:
        self._masker = masker
        self._is_secret = is_secret(kind)
        self._places = places
        self._hides = self._is_secret or bool(places)
        self._bodies = bodies

    def value(self, value: Any, path: Pointer, depth: int) -> Any:
        """A value at its path, masked."""
        if self._hides and self._is_hidden(path):
            return self._hide_all(value, path)
        if depth > DEEPEST:
            return MASK
        if isinstance(value, Mapping):
            inner = self._inner(value) if path and "kind" in value else None
            return inner.value(value, (), depth) if inner else self._mapping(value, path, depth)
        if isinstance(value, list | tuple):
            return [self.value(item, (*path, str(i)), depth + 1) for i, item in enumerate(value)]
        return self._text(value, path, depth) if isinstance(value, str) else value

    def _inner(self, value: Mapping[str, Any]) -> "_Walk | None":
        """The walk of an object inside another; None where it has nothing of its own to hide."""
        places = self._masker.hidden(value)
        return _Walk(self._masker, value, places) if places or is_secret(value) else None

    def _mapping(self, value: Mapping[str, Any], path: Pointer, depth: int) -> dict[str, Any]:
        masked = {
            self._key(key): self.value(item, (*path, str(key)), depth + 1)
            for key, item in value.items()
        }
        if "value" in value and _hides_env(value.get("name"), value["value"]):
            masked["value"] = self._masker.hide(value["value"])
        return masked

    def _key(self, key: str) -> str:
        """A key as it stands; those of managedFields may hold values of lists."""
        return self._masker.mask_text(key) if key[:2] in _VALUE_KEYS else key

    def _text(self, value: str, path: Pointer, depth: int) -> str:
        known = self._masker.known(value) if path not in IDENTITY else None
        if known is not None:
            return known
        inner = load_json(value)
        is_copy = path == ("metadata", "annotations", LAST_APPLIED)
        if inner is None and self._hides and is_copy:
            return self._masker.hide(value)
        if inner is None:
            return URL_PASSWORD.sub(rf"\1:{MASK}", value) if "://" in value else value
        walk = self._of_json(inner, is_copy=is_copy) if isinstance(inner, dict) else self
        masked = walk.value(inner, ("*json*",) if walk is self else (), depth + 1)
        return value if masked == inner else _dump(masked)

    def _of_json(self, inner: dict[str, Any], *, is_copy: bool) -> "_Walk":
        """The walk of an object that a text holds; a copy of this one hides what this one does."""
        places = self._places if is_copy else ()
        return _Walk(self._masker, inner, (*places, *self._masker.hidden(inner)))

    def _is_hidden(self, path: Pointer) -> bool:
        if self._is_secret and path[:1] in {("data",), ("stringData",)}:
            return True
        return self._names(path)

    def _names(self, path: Pointer) -> bool:
        """Whether a rule names a place, or what it lies in."""
        return path not in IDENTITY and any(_matches(path, place) for place in self._places)

    def _hide_all(self, value: Any, path: Pointer) -> Any:
        """Everything at or below a hidden path; keys of maps stay, so that people see which."""
        if value is None or value is ABSENT:
            return value
        if isinstance(value, Mapping) and len(path) == 1 and self._is_secret:
            return {key: self._hide_all(item, (*path, str(key))) for key, item in value.items()}
        return self._masker.hide(value, encoded=path[:1] == ("data",) and self._is_secret)

    def sentence(self, sentence: str, diff: Diff) -> str:
        """A sentence of a diff, without the two sides of what a rule hides (`scale web ••••`)."""
        word, _, _ = sentence.partition(" ")
        is_hidden = word in _QUOTES and any(
            field.path.endswith(_QUOTES[word]) and self._names(parse_pointer(field.path) or ())
            for field in diff.fields
        )
        return f"{sentence.rpartition(' ')[0]} {MASK}" if is_hidden else sentence

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

    def _side(self, value: Any, path: Pointer, *, hides: bool) -> Any:
        if value is ABSENT:
            return value
        if hides and isinstance(value, str) and value:
            return self._masker.hide(value)
        return self.value(value, path, 0)

    def _hides_variable(self, path: Pointer, sides: Sequence[Any], *, has_actual: bool) -> bool:
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


def _values(bodies: Sequence[Any], path: Pointer) -> list[Any]:
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


def _matches(path: Pointer, rule: Pointer) -> bool:
    """Whether a path is at or below a rule's."""
    return len(path) >= len(rule) > 0 and all(
        wanted in {ANY, token} for wanted, token in zip(rule, path, strict=False)
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
