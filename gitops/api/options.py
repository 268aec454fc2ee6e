"""What the HTTP application has to know of the settings; `cli/serve.py` fills it in."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


def _none() -> Mapping[str, str]:
    return {}


@dataclass(frozen=True, slots=True)
class ApiOptions:
    """Who may talk to the service, and how much.

    `hosts` are names and addresses accepted in Host and Origin besides loopback's; `any_address`
    accepts every IP address there, which no page elsewhere can pretend to be. `token` "" asks for
    none. `held_body_bytes` bounds all bodies that are held at once, `waiting_clients` streams and
    long polls. `webhook_secrets` has a secret a provider ("" or absent: refused). `versions` tells
    the versions of tools.
    """

    hosts: frozenset[str] = frozenset()
    any_address: bool = False
    token: str = field(default="", repr=False)
    max_body_bytes: int = 2 * 1024 * 1024
    held_body_bytes: int = 32 * 1024 * 1024
    body_timeout_s: float = 20.0
    waiting_clients: int = 256
    webhook_secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    versions: Callable[[], Mapping[str, str]] = _none
