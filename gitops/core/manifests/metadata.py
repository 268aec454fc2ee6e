"""What every object must have: apiVersion, kind and metadata, of the right types.

In: a body. Out: faults with their paths, and the body with misspelt keys put right so that it can
be checked further. Called by `core/manifests/parse.py`; `check_string_map` also by validation.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from gitops.core.wording import Path, dotted, kind_of, nearest
from gitops.model.objects import Body


class Flaw(NamedTuple):
    """One thing wrong at a path of a body; `of_key` points at the key, not at its value."""

    code: str
    message: str
    path: Path
    of_key: bool = False


@dataclass(frozen=True, slots=True)
class Checked:
    """A body's flaws, and the body as it was probably meant."""

    body: Body
    faults: tuple[Flaw, ...]


_TOP: Final = ("apiVersion", "kind", "metadata")
_STRING_MAPS: Final[Mapping[str, tuple[str, ...]]] = {
    "ConfigMap": ("data", "binaryData"),
    "Secret": ("data", "stringData"),
}


def check_object(body: Body) -> Checked:
    """Check what every object has."""
    mended, faults = _mend_keys(body, _TOP, ())
    if not any(key in mended for key in _TOP):
        message = "this is no Kubernetes object: apiVersion, kind and metadata are missing"
        return Checked(mended, (Flaw("not-an-object", message, ()),))
    for key in ("apiVersion", "kind"):
        if mended.get(key) is None or mended.get(key) == "":
            faults.append(_missing(key, (), mended))
        elif not isinstance(mended[key], str):
            faults.append(_wrong_type((key,), mended[key], "a string"))
    metadata, more = _check_metadata(mended.get("metadata"))
    if "metadata" in mended:
        mended = {**mended, "metadata": metadata}
    faults += more
    if mended.get("apiVersion") == "v1":
        for name in _STRING_MAPS.get(str(mended.get("kind")), ()):
            faults += check_string_map(mended.get(name), (name,))
    return Checked(mended, tuple(faults))


def check_string_map(value: Any, path: Path) -> list[Flaw]:
    """Flaws of a map of strings; null for the whole map means that it is absent."""
    if value is None:
        return []
    if not isinstance(value, Mapping):
        return [_wrong_type(path, value, "a mapping of strings")]
    return [
        string_flaw(item, (*path, str(key)))
        for key, item in value.items()
        if not isinstance(item, str)
    ]


def string_flaw(value: Any, path: Path) -> Flaw:
    """What is wrong with a value that stands where a string belongs; never shows the value."""
    if value is None:
        message = f'{dotted(path)} is null, but must be a string; write "" or remove the key'
        return Flaw("null-value", message, path)
    if isinstance(value, bool | int | float):
        message = f"{dotted(path)} is {kind_of(value)}, but must be a string; put it in quotes"
        return Flaw("wrong-type", message, path)
    return _wrong_type(path, value, "a string")


def _check_metadata(metadata: Any) -> tuple[Any, list[Flaw]]:
    if metadata is None:
        message = "metadata.name is missing"
        return None, [Flaw("missing-field", message, ("metadata",), of_key=True)]
    if not isinstance(metadata, Mapping):
        return metadata, [_wrong_type(("metadata",), metadata, "a mapping")]
    needed = () if metadata.get("generateName") else ("name",)
    mended, faults = _mend_keys(metadata, needed, ("metadata",))
    for key in ("name", "generateName", "namespace"):
        value = mended.get(key)
        if value is not None and not isinstance(value, str):
            faults.append(string_flaw(value, ("metadata", key)))
    has_name = mended.get("name") is not None and mended["name"] != ""
    if not has_name and not mended.get("generateName"):
        faults.append(_missing("name", ("metadata",), mended))
    for key in ("labels", "annotations"):
        faults += check_string_map(mended.get(key), ("metadata", key))
    return mended, faults


def _mend_keys(
    body: Mapping[str, Any], needed: tuple[str, ...], base: Path
) -> tuple[Mapping[str, Any], list[Flaw]]:
    """Where a needed key is missing and one like it stands there, that is the fault."""
    mended: dict[str, Any] = dict(body)
    faults: list[Flaw] = []
    for key in needed:
        if mended.get(key) is not None:
            continue
        found = nearest(key, mended)
        if found is not None:
            path = (*base, found)
            message = f'unknown field "{dotted(path)}", did you mean "{key}"?'
            faults.append(Flaw("unknown-field", message, path, of_key=True))
            mended = {key if name == found else name: item for name, item in mended.items()}
    return mended, faults


def _missing(key: str, base: Path, body: Mapping[str, Any]) -> Flaw:
    """A missing field stands at its empty value, else at its parent."""
    path = (*base, key)
    state = "is empty" if key in body else "is missing"
    place = path if key in body else base
    return Flaw("missing-field", f"{dotted(path)} {state}", place, of_key=True)


def _wrong_type(path: Path, value: Any, wanted: str) -> Flaw:
    message = f"{dotted(path)} is {kind_of(value)}, but must be {wanted}"
    return Flaw("wrong-type", message, path)
