"""Rules for one value: numbers within bounds, addresses, paths, names that may be prefixed.

Each takes a value and gives None, or what is wrong with it as the end of a sentence; a value of
another type is left to the schema. They stand in the tables of `pod_structs` and `structs`.
"""

import ipaddress
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from gitops.core.schema.quantity import parse_quantity
from gitops.core.validation.formats import (
    address_flaw,
    port_name_flaw,
    qualified_flaw,
    subdomain_flaw,
)

Rule = Callable[[Any], str | None]
"""A value to None, or to the end of a sentence that says what is wrong."""

_MAX_PORT: Final = 65535
_HEADER: Final = re.compile(r"[-A-Za-z0-9]+\Z")
_SYSCTL: Final = re.compile(
    r"([a-z0-9]([-_a-z0-9]*[a-z0-9])?[./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?\Z"
)
_SEARCH: Final = re.compile(
    r"(\.|_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?(\._?[a-z0-9]([-_a-z0-9]*[a-z0-9])?)*\.?)\Z"
)
_PREFIXED_PATH: Final = re.compile(r"[A-Za-z0-9/\-._~%!$&'()*+,;=:]+\Z")


def text(rule: Callable[[str], str | None]) -> Rule:
    """A rule for texts; an empty one passes."""
    return lambda value: rule(value) if isinstance(value, str) and value else None


def word(rule: Callable[[str], str | None]) -> Rule:
    """A rule for texts of which an empty one does not pass either: items of a list."""
    return lambda value: rule(value) if isinstance(value, str) else None


def between(low: int, high: int) -> Rule:
    """An integer within bounds."""
    words = f"must be between {low} and {high}"
    return lambda value: words if _is_integer(value) and not low <= value <= high else None


def at_least(low: int) -> Rule:
    """An integer that is not too small."""
    words = "must not be negative" if low == 0 else f"must be at least {low}"
    return lambda value: words if _is_integer(value) and value < low else None


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def amount(value: Any) -> Decimal | None:
    """A quantity's value; None where it is none."""
    return parse_quantity(value) if isinstance(value, str | int | float) else None


def not_negative(value: Any) -> str | None:
    """A quantity of 0 or more."""
    found = amount(value)
    return "must not be negative" if found is not None and found < 0 else None


def port(value: Any) -> str | None:
    """A port by number, or by the name that a container gives it."""
    if _is_integer(value):
        return between(1, _MAX_PORT)(value)
    return port_name_flaw(value) if isinstance(value, str) else None


def trimmed(value: str) -> str | None:
    """A text without spaces around it."""
    return None if value == value.strip() else "must not begin or end with a space"


def local_path(value: str) -> str | None:
    """A relative path that stays where it is."""
    if value.startswith("/"):
        return "must be a relative path"
    return no_backsteps(value)


def no_backsteps(value: str) -> str | None:
    """A path without `..`."""
    return "must not contain '..'" if ".." in value.split("/") else None


def absolute(value: str) -> str | None:
    """A path from the root."""
    return None if value.startswith("/") else "must be an absolute path"


def outer_address(value: str) -> str | None:
    """An address that others can reach: neither loopback nor link-local."""
    wrong = address_flaw(value)
    if wrong is not None:
        return wrong
    found = ipaddress.ip_address(value)
    if found.is_loopback or found.is_link_local or found.is_unspecified or found.is_multicast:
        return "must not be a loopback, link-local, multicast or unspecified address"
    return None


def network(value: str) -> str | None:
    """A network in CIDR notation, without bits behind its length."""
    base, slash, length = value.partition("/")
    try:
        found = ipaddress.ip_network(value, strict=False)
    except ValueError:
        found = None
    if found is None or not slash or not length.isdecimal() or str(int(length)) != length:
        return "is not a network such as 10.9.8.0/24"
    if ipaddress.ip_address(base) != found.network_address:
        return f"must not have bits set beyond its length; write {found}"
    return None


def header(value: str) -> str | None:
    """The name of an HTTP header."""
    return None if _HEADER.match(value) else 'must be letters, digits and "-"'


def sysctl(value: str) -> str | None:
    """The name of a kernel parameter."""
    return None if _SYSCTL.match(value) else "is not a kernel parameter, such as net.core.somaxconn"


def search_domain(value: str) -> str | None:
    """A domain of a resolver's search list."""
    fits = _SEARCH.match(value) and len(value) <= _NAME_LENGTH
    return None if fits else "is not a domain in lower case"


_NAME_LENGTH: Final = 253


def driver(value: str) -> str | None:
    """The name of a CSI driver."""
    return "is longer than 63 characters" if len(value) > 63 else subdomain_flaw(value)  # noqa: PLR2004 -- as it says


def prefixed_path(value: str) -> str | None:
    """`acme.io/foo`."""
    domain, slash, path = value.partition("/")
    if not slash or not path or subdomain_flaw(domain) or not _PREFIXED_PATH.match(path):
        return "must be a domain and a path, such as acme.io/foo"
    return None


def qualified_name(value: str) -> str | None:
    """A name with a domain before it or not, whatever its capitals."""
    return qualified_flaw(value.lower())


def segments(value: str) -> str | None:
    """The name of a webhook."""
    wrong = subdomain_flaw(value)
    if wrong is None and value.count(".") < 2:  # noqa: PLR2004 -- three parts
        return (
            "must have at least three parts with dots between them, such as check.shop.example.com"
        )
    return wrong


def count_or_percent(value: Any) -> str | None:
    """A count that is not negative, or a percentage of at most 100."""
    if isinstance(value, str) and not (value.endswith("%") and value[:-1].isdecimal()):
        hint = "; remove the quotes" if value.isdecimal() else ", such as 25%"
        return f"is no percentage{hint}"
    return at_least(0)(value) or percent(value)


def percent(value: Any) -> str | None:
    """A percentage of at most 100."""
    share = value.removesuffix("%") if isinstance(value, str) and value.endswith("%") else ""
    return "must not be more than 100%" if share.isdecimal() and int(share) > _ALL else None


_ALL: Final = 100
