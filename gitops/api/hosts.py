"""Whether a Host or Origin header names this service: against DNS rebinding and foreign pages.

In: header values and what is accepted. Out: a verdict. Pure; called by `api/gate.py`.
"""

import ipaddress
import re
from urllib.parse import urlsplit

from gitops.api.options import ApiOptions
from gitops.errors import AccessError

LOOPBACK_NAMES = frozenset({"localhost", "ip6-localhost"})
_HOST = re.compile(r"(?P<name>\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::(?P<port>\d{1,5}))?")


def is_loopback(host: str) -> bool:
    """Whether a name or address is this machine's own: `localhost`, 127.0.0.0/8, `::1`."""
    address = _address(host)
    if address is None:
        return host.lower().rstrip(".") in LOOPBACK_NAMES
    return address.is_loopback


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return None


def split_host(value: str) -> tuple[str, str] | None:
    """Name and port ("" where none) of a Host header; None where it is none."""
    found = _HOST.fullmatch(value.strip())
    return (found["name"].lower().rstrip("."), found["port"] or "") if found else None


def check_host(value: str, options: ApiOptions) -> AccessError | None:
    """Why a Host header is refused, or None."""
    parts = split_host(value)
    if parts is not None and _is_ours(parts[0], options):
        return None
    return AccessError(
        "the Host header does not name this service",
        remedy="add the name to server.allowedHosts in the settings",
        reason="host",
    )


def check_origin(value: str, host: str, options: ApiOptions) -> AccessError | None:
    """Why an Origin header is refused, or None; a page may be our own or of an allowed host."""
    try:
        url = urlsplit(value)
        name, port = (url.hostname or "").lower(), url.port
    except ValueError:
        name, port = "", None
    named = split_host(host)
    if url_is_web(value) and name and named is not None:
        default = "443" if value.startswith("https:") else "80"
        same_port = str(port or default) == (named[1] or default)
        same = name == named[0].strip("[]") or (is_loopback(name) and is_loopback(named[0]))
        if (same and same_port) or name in options.hosts:
            return None
    return AccessError(
        "requests of other sites' pages are refused",
        remedy="add the page's host to server.allowedHosts if it is yours",
        reason="origin",
    )


def url_is_web(value: str) -> bool:
    """Whether it begins as `http://` or `https://` does."""
    return value.startswith(("http://", "https://"))


def _is_ours(name: str, options: ApiOptions) -> bool:
    if is_loopback(name) or name in options.hosts or name.strip("[]") in options.hosts:
        return True
    return options.any_address and _address(name) is not None
