"""The texts that Kubernetes accepts: names, labels, quantities, base64, times, schedules.

Each function takes a text and gives None, or what is wrong with it as the end of a sentence.
The rules are those of apimachinery's `validation`, `resource.Quantity` and robfig/cron; values of
Secrets never reach a message. Called by the other modules of `core/validation`.
"""

import binascii
import ipaddress
import re
from base64 import b64decode
from typing import Any, Final

_LABEL: Final = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?\Z")
_LABEL_1035: Final = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?\Z")
_SUBDOMAIN: Final = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\Z")
_QUALIFIED: Final = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]\Z")
_CONFIG_KEY: Final = re.compile(r"[-._a-zA-Z0-9]+\Z")
_PORT_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?\Z")
_QUANTITY: Final = re.compile(
    r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?\Z"
)
_TIME: Final = re.compile(
    r"\d{4}-(0\d|1[0-2])-([0-2]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d([.,]\d+)?"
    r"(Z|[+-]([01]\d|2[0-3]):[0-5]\d)\Z",
    re.ASCII,
)
_DURATION: Final = re.compile(r"[+-]?(0|((\d+(\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h))+)\Z", re.ASCII)
_LABEL_LENGTH: Final = 63
_NAME_LENGTH: Final = 253
_PORT_NAME_LENGTH: Final = 15


def label_flaw(text: str) -> str | None:
    """A DNS-1123 label: namespaces, containers, volumes."""
    if len(text) > _LABEL_LENGTH:
        return f"is longer than {_LABEL_LENGTH} characters"
    if _LABEL.match(text):
        return None
    return 'must be lower case letters, digits and "-", and begin and end with a letter or digit'


def label_1035_flaw(text: str) -> str | None:
    """A DNS-1035 label: names of kinds and versions in a CustomResourceDefinition."""
    if len(text) > _LABEL_LENGTH:
        return f"is longer than {_LABEL_LENGTH} characters"
    if _LABEL_1035.match(text):
        return None
    return 'must be lower case letters, digits and "-", and begin with a letter'


def subdomain_flaw(text: str) -> str | None:
    """A DNS-1123 subdomain: most objects."""
    if len(text) > _NAME_LENGTH:
        return f"is longer than {_NAME_LENGTH} characters"
    if _SUBDOMAIN.match(text):
        return None
    return (
        'must be lower case letters, digits, "-" and ".", '
        "and begin and end with a letter or digit in each part"
    )


def wildcard_flaw(text: str) -> str | None:
    """`*.` before a DNS-1123 subdomain: hosts of an Ingress."""
    return subdomain_flaw(text.removeprefix("*."))


def segment_flaw(text: str) -> str | None:
    """A part of a path: names in RBAC."""
    if text in {".", ".."} or "/" in text or "%" in text:
        return 'must not be "." or "..", nor hold "/" or "%"'
    return None


def port_name_flaw(text: str) -> str | None:
    """The name of a container's port (IANA_SVC_NAME)."""
    if len(text) > _PORT_NAME_LENGTH:
        return f"is longer than {_PORT_NAME_LENGTH} characters"
    if not _PORT_NAME.match(text) or "--" in text:
        return 'must be lower case letters, digits and single "-" between them'
    if not re.search("[a-z]", text):
        return "must hold a letter"
    return None


def qualified_flaw(text: str) -> str | None:
    """The key of a label or annotation: a name of 63 characters, with a domain and "/" or not."""
    prefix, slash, name = text.rpartition("/")
    if slash:
        if "/" in prefix:
            return 'must hold at most one "/"'
        if not prefix or subdomain_flaw(prefix):
            return 'must have a domain in lower case before the "/"'
    if not name:
        return "must have a name"
    if len(name) > _LABEL_LENGTH:
        return f"has a name longer than {_LABEL_LENGTH} characters"
    if _QUALIFIED.match(name):
        return None
    return 'must be letters, digits, "-", "_" and ".", and begin and end with a letter or digit'


def label_value_flaw(text: str) -> str | None:
    """The value of a label; may be empty."""
    if len(text) > _LABEL_LENGTH:
        return f"is longer than {_LABEL_LENGTH} characters"
    if not text or _QUALIFIED.match(text):
        return None
    return 'must be letters, digits, "-", "_" and ".", and begin and end with a letter or digit'


def config_key_flaw(text: str) -> str | None:
    """A key of a ConfigMap's or Secret's data."""
    if len(text) > _NAME_LENGTH:
        return f"is longer than {_NAME_LENGTH} characters"
    if text in {".", ".."} or text.startswith("..") or not _CONFIG_KEY.match(text):
        return 'must be letters, digits, "-", "_" and "."'
    return None


def env_name_flaw(text: str) -> str | None:
    """The name of an environment variable: printable ASCII without "="."""
    if re.fullmatch(r"[ -<>-~]+", text):
        return None
    return 'must be printable ASCII characters without "="'


def quantity_flaw(value: Any) -> str | None:
    """A quantity as a text or a number."""
    if isinstance(value, int | float) or _QUANTITY.match(str(value)):
        return None
    text = str(value)
    if re.search(r"\s", text):
        return "is not a quantity: it holds a space"
    lower = re.fullmatch(r"([0-9.]+)([kKmMgGtTpP])[iI]?[bB]", text)
    if lower:
        unit = lower[2].upper()
        return (
            f'is not a quantity; write "{lower[1]}{unit}i" or "{lower[1]}{unit.replace("K", "k")}"'
        )
    return 'is not a quantity, such as "500m", "128Mi" or "1.5"'


def base64_flaw(text: str) -> str | None:
    """Base64 as Go reads it: padded, line ends allowed."""
    try:
        b64decode(text.replace("\n", "").replace("\r", ""), validate=True)
    except (binascii.Error, ValueError):
        return "is not base64"
    return None


def time_flaw(text: str) -> str | None:
    """An RFC 3339 time."""
    return None if _TIME.match(text) else 'is not a time, such as "2026-01-31T12:00:00Z"'


def duration_flaw(text: str) -> str | None:
    """A duration as Go writes it."""
    return None if _DURATION.match(text) else 'is not a duration, such as "90s" or "1h30m"'


def address_flaw(text: str) -> str | None:
    """An IPv4 or IPv6 address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return "is not an IP address"
    return None


_CRON_NAMES: Final[tuple[dict[str, int], ...]] = (
    {},
    {},
    {},
    {n: i for i, n in enumerate("jan feb mar apr may jun jul aug sep oct nov dec".split(), 1)},  # noqa: SIM905 - shorter
    {n: i for i, n in enumerate("sun mon tue wed thu fri sat".split())},  # noqa: SIM905 - shorter
)
_CRON_BOUNDS: Final = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6))
_CRON_FIELDS: Final = ("minute", "hour", "day of month", "month", "day of week")
_CRON_WORDS: Final = {
    "@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly",
}  # fmt: skip


def schedule_flaw(text: str) -> str | None:
    """A cron schedule of five fields, or a word such as `@daily`."""
    if "TZ" in text:
        return "must not name a time zone; write timeZone"
    if text.startswith("@"):
        every = text.removeprefix("@every ")
        known = text in _CRON_WORDS or (every != text and duration_flaw(every) is None)
        return None if known else "is not a known schedule, such as @daily"
    fields = text.split()
    if len(fields) != len(_CRON_FIELDS):
        return f"must have five fields, but has {len(fields)}"
    for index, (field, name) in enumerate(zip(fields, _CRON_FIELDS, strict=True)):
        if not all(_is_cron_part(part, index) for part in field.split(",")):
            return f'has a {name} that is none: "{field}"'
    return None


def _is_cron_part(part: str, index: int) -> bool:
    """`*`, `5`, `1-5`, `*/10`, `1-30/5`, with names for months and days."""
    span, slash, step = part.partition("/")
    if slash and not (step.isascii() and step.isdigit() and int(step) > 0):
        return False
    if span in {"*", "?"}:
        return True
    low, high = _CRON_BOUNDS[index]
    first, dash, last = span.partition("-")
    numbers = [_cron_number(word, index) for word in ([first, last] if dash else [first])]
    if any(number is None or not low <= number <= high for number in numbers):
        return False
    return not dash or (numbers[0] or 0) <= (numbers[-1] or 0)


def _cron_number(word: str, index: int) -> int | None:
    named = _CRON_NAMES[index].get(word.lower())
    return int(word) if word.isascii() and word.isdigit() else named
