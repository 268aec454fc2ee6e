"""Scalars as kubectl reads them: plain YAML text in, JSON values and key texts out.

The rules are those of go-yaml v2 behind sigs.k8s.io/yaml (`resolve.go`), followed by Go's JSON
encoder and Kubernetes' JSON decoder: whole floats become integers, integers beyond 64 bits floats.
Called by `core/yaml/reader.py` for each scalar.
"""

import math
import re
import struct
from base64 import b64decode
from binascii import Error as Base64Error
from decimal import Decimal
from typing import Any, Final

PREFIX: Final = "tag:yaml.org,2002:"
_STR: Final = PREFIX + "str"
_BINARY: Final = PREFIX + "binary"
_RESOLVABLE: Final = {PREFIX + t for t in ("str", "bool", "int", "float", "null", "timestamp")}

_WORDS: Final[dict[str, Any]] = {
    **dict.fromkeys(
        ("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True
    ),
    **dict.fromkeys(
        ("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False
    ),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
}
_NUMERIC: Final = frozenset("+-.0123456789")
_FLOAT: Final = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_FRACTION: Final = re.compile(r"\.[0-9]+(_[0-9]+)*([eE][-+]?[0-9]+(_[0-9]+)*)?\Z")
"""Go reads underscores between digits here; elsewhere go-yaml drops all underscores first."""
_TIMESTAMP: Final = re.compile(
    r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}"
    r"([Tt][0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2}([.,][0-9]+)?(Z|[-+][0-9]{2}:[0-9]{2})"
    r"| [0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2}([.,][0-9]+)?)?\Z"
)
_INTEGER: Final = re.compile(
    r"([-+]?)(?:0[xX]([0-9a-fA-F]+)|0[bB]([01]+)|0[oO]([0-7]+)|0([0-7]+)|(0|[1-9][0-9]*))\Z"
)
_BASES: Final = (16, 2, 8, 8, 10)
_INT64: Final = 1 << 63
_UINT64: Final = 1 << 64
_GO_PLAIN_BELOW: Final = 1e21
"""Go's JSON encoder writes floats below this without an exponent."""
_GO_EXPONENTS: Final = (-4, 6)
"""Decimal powers that Go's shortest %g writes without an exponent."""


class ScalarError(ValueError):
    """A scalar that has no JSON value; the text says why."""


def resolve_plain(text: str) -> Any:
    """The value of an unquoted, untagged scalar: str, bool, int, float or None."""
    if text in _WORDS:
        return _WORDS[text]
    first = text[0]
    if first not in _NUMERIC:
        return text
    if first == ".":
        number = _parse_float(text.replace("_", "")) if _FRACTION.match(text) else None
    else:
        plain = text.replace("_", "")
        number = _parse_integer(plain)
        if number is None:
            number = _parse_float(plain)
    return text if number is None else number


def resolve_tagged(tag: str, text: str) -> Any:
    """The value of a scalar with an explicit tag, quoted or not.

    Raises:
        ScalarError: the text does not have the type that the tag names.
    """
    if tag == _BINARY:
        return _decode_binary(text)
    if tag not in _RESOLVABLE or tag == _STR:
        return text
    value = resolve_plain(text)
    name = tag.removeprefix(PREFIX)
    if name == "timestamp" and _TIMESTAMP.match(text):
        return text
    if name == "float" and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if name != _type_name(value):
        raise ScalarError(f'"{shorten(text)}" is not a !!{name}')
    return value


def to_json(value: Any) -> Any:
    """A resolved scalar as the JSON value that kubectl sends.

    Raises:
        ScalarError: infinite or not a number.
    """
    if isinstance(value, float):
        return whole(value)
    if isinstance(value, int) and not -_INT64 <= value < _INT64:
        return float(value)
    return value


def whole(value: float) -> int | float:
    """A float as Go writes and reads it: an integer when it has no fraction and fits 64 bits.

    Raises:
        ScalarError: infinite or not a number.
    """
    if not math.isfinite(value):
        raise ScalarError("JSON has no infinite numbers and no NaN")
    if value == math.floor(value) and abs(value) < _GO_PLAIN_BELOW:
        digits = int(Decimal(repr(value)))
        if -_INT64 <= digits < _INT64:
            return digits
    return value


def key_text(value: Any) -> str:
    """A resolved map key as the string that it becomes in JSON.

    Raises:
        ScalarError: null, or an integer beyond 64 bits.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _short_float(value)
    if isinstance(value, int) and -_INT64 <= value < _INT64:
        return str(value)
    raise ScalarError("a key must be a string, not null" if value is None else "a key is too large")


def shorten(text: str, limit: int = 40) -> str:
    """Text for a message: one line, at most `limit` characters."""
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def _parse_integer(plain: str) -> int | None:
    """Go's ParseInt and ParseUint with base 0; None where both refuse."""
    match = _INTEGER.match(plain)
    if match is None:
        return None
    sign, *groups = match.groups()
    base, digits = next((b, g) for b, g in zip(_BASES, groups, strict=True) if g is not None)
    if base == 10 and len(digits) > 20:  # noqa: PLR2004 - digits of the largest unsigned 64 bits
        return None
    value = int(digits, base)
    value = -value if sign == "-" else value
    limit = _INT64 if sign else _UINT64
    return value if -_INT64 <= value < limit else None


def _parse_float(text: str) -> float | None:
    """Go's ParseFloat on what YAML calls a float; None where it refuses, overflow included."""
    if _FLOAT.match(text) is None:
        return None
    value = float(text)
    return value if math.isfinite(value) else None


def _type_name(value: Any) -> str:
    if value is None:
        return "null"
    return {bool: "bool", int: "int", float: "float", str: "str"}[type(value)]


def _decode_binary(text: str) -> str:
    """`!!binary` is decoded; bytes that are no UTF-8 become U+FFFD one by one, as in Go."""
    try:
        data = b64decode(text.replace("\n", "").replace("\r", ""), validate=True)
    except (Base64Error, ValueError) as error:
        raise ScalarError("!!binary is not base64") from error
    return re.sub("[\udc80-\udcff]", "\ufffd", data.decode("utf-8", "surrogateescape"))


def _short_float(value: float) -> str:
    """Go's `FormatFloat(value, 'g', -1, 32)`, with YAML's names for the infinite ones."""
    if math.isnan(value):
        return ".nan"
    single = _to_single(value)
    if math.isinf(single):
        return ".inf" if single > 0 else "-.inf"
    if single == 0:
        return "-0" if math.copysign(1, single) < 0 else "0"
    digits = next(p for p in range(1, 10) if _to_single(float(f"{single:.{p}g}")) == single)
    mantissa, _, exponent = f"{single:.{digits - 1}e}".partition("e")
    power = int(exponent)
    if not _GO_EXPONENTS[0] <= power < _GO_EXPONENTS[1]:
        return f"{mantissa}e{'-' if power < 0 else '+'}{abs(power):02d}"
    return format(Decimal(f"{single:.{digits}g}"), "f")


def _to_single(value: float) -> float:
    """The nearest number of 32 bits, infinite beyond them."""
    (single,) = struct.unpack("f", struct.pack("f", value))
    return float(single)
