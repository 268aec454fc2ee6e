"""Which parts of an object are secret: the documented names, and the values that Secrets hold.

In: bodies of any shape. Out: secret values, and questions answered. Called by `masking/mask.py`.
"""

import binascii
import json
import re
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import quote

SHORTEST: Final = 6
"""Shorter values are too common to be looked for elsewhere."""
DEEPEST: Final = 150
"""What lies deeper is hidden altogether."""
LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"
SENSITIVE_ENV: Final = (
    "PASSWORD", "PASSWD", "PASSPHRASE", "PASSWORT", "_PWD", "_PASS", "SECRET", "TOKEN", "API_KEY",
    "APIKEY", "ACCESS_KEY", "PRIVATE_KEY", "ENCRYPTION_KEY", "SIGNING_KEY", "CREDENTIAL",
    "CONNECTION_STRING", "DATABASE_URL", "_DSN",
)  # fmt: skip
"""An environment variable whose name holds one of these, in any capitals, is masked."""
_NOT_SECRET: Final = ("_FILE", "_PATH", "_DIR")
"""Names with these ends say where a secret is, not what it is."""
_JSON_SECRETS: Final = frozenset({"password", "auth", "token", "identitytoken", "registrytoken"})
_LINE: Final = 16
"""Lines of a multi-line secret that are this long are secrets too."""


def is_sensitive_env(name: Any) -> bool:
    """Whether the documented list names an environment variable."""
    if not isinstance(name, str):
        return False
    upper = name.upper().replace("-", "_").replace(".", "_")
    if upper.endswith(_NOT_SECRET):
        return False
    return upper in {"PASS", "DSN"} or any(part in upper for part in SENSITIVE_ENV)


def is_secret(body: Any) -> bool:
    """Whether a body is a Secret, or claims to be one in any version."""
    return (
        isinstance(body, Mapping)
        and body.get("kind") == "Secret"
        and "/" not in str(body.get("apiVersion"))
    )


def load_json(text: Any) -> Any:
    """The object or list that a text holds as JSON; None where it holds none."""
    if not isinstance(text, str) or text.lstrip()[:1] not in {"{", "["}:
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict | list) else None


def decode_secret(value: Any) -> bytes | None:
    """The bytes of an entry of a Secret's data; None where it is not base64."""
    if not isinstance(value, str):
        return None
    try:
        return b64decode("".join(value.split()), validate=True)
    except (binascii.Error, ValueError):
        return None


def secret_values(body: Any) -> Iterator[tuple[str, bytes]]:
    """Each text that stands for a Secret's value, with the value itself.

    The value as text, without surrounding blanks, in base64, and the long lines of it; also from
    the kubectl annotation, which may hold older values.
    """
    if not is_secret(body):
        return
    data, plain = body.get("data"), body.get("stringData")
    for value in data.values() if isinstance(data, Mapping) else ():
        decoded = decode_secret(value)
        if isinstance(value, str):
            yield value, value.encode(errors="replace") if decoded is None else decoded
        if decoded is not None:
            yield from _texts(decoded)
    for value in plain.values() if isinstance(plain, Mapping) else ():
        if isinstance(value, str):
            yield from _texts(value.encode(errors="surrogatepass"))
    metadata = body.get("metadata")
    annotations = metadata.get("annotations") if isinstance(metadata, Mapping) else None
    if isinstance(annotations, Mapping):
        yield from secret_values(load_json(annotations.get(LAST_APPLIED)))


def texts_below(value: Any, depth: int = 0) -> Iterator[tuple[str, bytes]]:
    """Each text that stands for a value or for one inside it, as those of `secret_values`."""
    if isinstance(value, Mapping | list | tuple):
        items = value.values() if isinstance(value, Mapping) else value
        for item in items if depth < DEEPEST else ():
            yield from texts_below(item, depth + 1)
    elif isinstance(value, str):
        yield from _texts(value.encode(errors="surrogatepass"))
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield from _texts(str(value).encode())


def _texts(value: bytes) -> Iterator[tuple[str, bytes]]:
    yield b64encode(value).decode(), value
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return
    yield text, value
    stripped = text.strip()
    if stripped != text:
        yield stripped, value
        yield b64encode(stripped.encode()).decode(), value
    for line in stripped.splitlines() if "\n" in stripped else ():
        if len(line.strip()) >= _LINE and not line.startswith("-----"):
            yield line.strip(), value
    for inner in _json_secrets(load_json(text), 0):
        yield inner, inner.encode(errors="surrogatepass")


def _json_secrets(value: Any, depth: int) -> Iterator[str]:
    """Passwords inside a registry's credentials (`.dockerconfigjson`)."""
    if depth > DEEPEST:
        return
    for key, item in value.items() if isinstance(value, Mapping) else ():
        if isinstance(item, str) and key.lower() in _JSON_SECRETS:
            yield item
        else:
            yield from _json_secrets(item, depth + 1)


def spellings(text: str) -> Iterator[str]:
    """How a secret may be written inside a message: as it is, escaped, in a URL."""
    yield text
    escaped = json.dumps(text, ensure_ascii=False)[1:-1]
    if escaped != text:
        yield escaped
    in_url = quote(text, safe="", errors="replace")
    if in_url != text:
        yield in_url


URL_PASSWORD: Final = re.compile(r"(?<=://)([^\s/:@\"']*):([^\s/@\"']+)(?=@)")
"""The credentials of a URL."""
