"""Repository URLs: read, cleaned of credentials, compared across spellings, joined.

Text comes in, text or a `RepoUrl` goes out. `source` names mirrors and chooses credentials by it,
webhooks find the applications of the repository that was pushed to (peers F66).
"""

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Self
from urllib.parse import quote, unquote

KEPT = 1024
"""Answers that are remembered: thousands of applications share few repositories."""
DEFAULT_PORTS = {"http": 80, "https": 443, "ssh": 22}
SCHEMES = ("file", "http", "https", "ssh")
_ALIASES = {"git+ssh": "ssh", "ssh+git": "ssh", "git+https": "https", "git+http": "http"}
_URL = re.compile(r"(?P<scheme>[a-zA-Z][a-zA-Z0-9+.-]*)://(?P<rest>.*)", re.DOTALL)
_AUTHORITY = re.compile(
    r"(?:(?P<user>[^:]*)(?::(?P<password>.*))?@)?"
    r"(?P<host>\[[0-9a-fA-F:.]+\]|[^\s\[\]:@]*)(?::(?P<port>\d{0,5}))?"
)
_SCP = re.compile(
    r"(?:(?P<user>[^@/:]+)@)?(?P<host>\[[0-9a-fA-F:.]+\]|[^\s/:\[\]@]+):(?P<path>.*)", re.DOTALL
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_HELPER = re.compile(r"[a-zA-Z0-9+.-]*::")


@dataclass(frozen=True, slots=True)
class RepoUrl:
    """A repository's address in parts.

    `scheme` is one of `SCHEMES`; `host` is lower case and "" for files; `port` is None where it is
    the scheme's own; `path` is decoded, begins with "/" except in scp form, and has no slash at its
    end. `user` and `password` are decoded; "" where absent.
    """

    scheme: str
    host: str
    path: str
    port: int | None = None
    user: str = ""
    password: str = ""
    scp: bool = False

    @property
    def local(self) -> bool:
        """Whether it is a path of this machine."""
        return self.scheme == "file"

    @property
    def clean(self) -> Self:
        """Without its secret: no user and no password in HTTP, no password in SSH."""
        return replace(self, password="", user=self.user if self.scheme == "ssh" else "")

    def __str__(self) -> str:
        user = quote(self.user, safe="") + (":***" if self.password else "")
        user = f"{user}@" if user else ""
        if self.scp:
            return f"{user}{self.host}:{self.path}"
        port = f":{self.port}" if self.port is not None else ""
        path = self.path if self.local else quote(self.path, safe="/~!$&'()*+,;=:@-._")
        return path if self.local else f"{self.scheme}://{user}{self.host}{port}{path}"


@lru_cache(maxsize=KEPT)
def parse(text: str) -> RepoUrl | None:
    """Read `file://`, `http(s)://`, `ssh://`, `user@host:path`, or an absolute path.

    None for anything else: other transports (`ext::`), relative paths, what begins with "-", what
    holds control characters.
    """
    text = text.strip()
    if not text or text.startswith("-") or _CONTROL.search(text) or _HELPER.match(text):
        return None
    if text.startswith("/"):
        return RepoUrl("file", "", _trim(text))
    if url := _URL.fullmatch(text):
        return _parse_url(url["scheme"].lower(), url["rest"])
    if scp := _SCP.fullmatch(text):
        return _parse_scp(scp)
    return None


def _parse_scp(scp: re.Match[str]) -> RepoUrl | None:
    path = _trim(scp["path"])
    if scp["host"].startswith("-") or not path.strip("/"):
        return None
    return RepoUrl("ssh", scp["host"].lower(), path, user=scp["user"] or "", scp=True)


def _parse_url(scheme: str, rest: str) -> RepoUrl | None:
    scheme = _ALIASES.get(scheme, scheme)
    authority, slash, path = rest.partition("/")
    path = _trim(slash + unquote(path))
    parts = _AUTHORITY.fullmatch(authority)
    if scheme not in SCHEMES or parts is None or not path.strip("/") or _CONTROL.search(path):
        return None
    host = parts["host"].lower()
    if scheme == "file":
        return RepoUrl("file", "", path) if host in ("", "localhost") else None
    if not host or host.startswith("-"):
        return None
    port = int(parts["port"]) if parts["port"] else DEFAULT_PORTS[scheme]
    return RepoUrl(
        scheme,
        host,
        path,
        port=None if port == DEFAULT_PORTS[scheme] else port,
        user=unquote(parts["user"] or ""),
        password=unquote(parts["password"] or ""),
    )


def _trim(path: str) -> str:
    """One slash where there are many, none at the end."""
    return re.sub(r"/{2,}", "/", path).rstrip("/") or "/"


def _identity_path(url: RepoUrl) -> str:
    path = url.path.strip("/")
    return path.removesuffix("/.git") if url.local else path.removesuffix(".git").rstrip("/")


@lru_cache(maxsize=KEPT)
def normalise(text: str) -> str:
    """One spelling for one repository; what cannot be read is returned stripped.

    HTTPS, SSH and scp form agree (`host[:port]/path`); plain HTTP keeps its scheme, because what it
    brings is not authenticated; files are `file:///path`. No user, password, default port, `.git`
    (except for files, where `x` and `x.git` may both exist) or slash at the end.
    """
    url = parse(text)
    if url is None:
        return text.strip()
    if url.local:
        return f"file:///{_identity_path(url)}"
    port = f":{url.port}" if url.port is not None else ""
    scheme = "http://" if url.scheme == "http" else ""
    return f"{scheme}{url.host}{port}/{_identity_path(url)}"


@lru_cache(maxsize=KEPT)
def same_repository(a: str, b: str) -> bool:
    """Whether two URLs name one repository, whichever transport each uses.

    Ports count only between equal transports (a forge serves SSH and HTTPS on different ones), and
    letter case does not count in names on a host, as forges have it. Texts that are no URL are the
    same when they are equal.
    """
    one, two = parse(a), parse(b)
    if one is None or two is None:
        return a.strip() == b.strip()
    if one.local or two.local:
        left, right = (_identity_path(url).removesuffix(".git") for url in (one, two))
        return one.local and two.local and left == right
    if one.scheme == two.scheme and one.port != two.port:
        return False
    return (one.host, _identity_path(one).casefold()) == (two.host, _identity_path(two).casefold())


@lru_cache(maxsize=KEPT)
def split_credentials(text: str) -> tuple[str, str, str]:
    """A URL without its credentials, the user and the password ("" where absent).

    A user of an SSH URL is part of the address and stays in it. What cannot be read loses whatever
    stands before an "@" in its authority, so that it can be shown.
    """
    url = parse(text)
    if url is None:
        return re.sub(r"(://).*@", r"\1", text.strip(), flags=re.DOTALL), "", ""
    return str(url.clean), url.user, url.password


def covers(prefix: str, text: str) -> bool:
    """Whether a URL lies under a prefix, by whole path components.

    The scheme counts: what is meant for HTTPS is never sent over plain HTTP. SSH and scp form are
    one scheme.
    """
    url, scope = parse(text), parse_prefix(prefix)
    if url is None or scope is None:
        return False
    if (url.scheme, url.host, url.port) != (scope.scheme, scope.host, scope.port):
        return False
    want, have = _identity_path(scope), _identity_path(url)
    return not want or have == want or have.startswith(want + "/")


def parse_prefix(prefix: str) -> RepoUrl | None:
    """Read a URL of a host that may end after the host; the path of such a one is "/"."""
    found = parse(prefix)
    if found is None:
        bare = prefix.strip().rstrip("/")
        found = parse(f"{bare}/." if "://" in bare else f"{bare.removesuffix(':')}:.")
        found = replace(found, path="/", scp=False) if found else None
    return None if found is None or found.local or found.host in SCHEMES else found


def join(base: str, relative: str) -> str | None:
    """A submodule's URL resolved against its parent's, as git does; absolute ones are returned.

    None where `..` leaves the host, or where either cannot be read.
    """
    if not relative.startswith(("./", "../")):
        return relative if parse(relative) else None
    url = parse(base)
    if url is None:
        return None
    parts = url.path.split("/")
    for part in relative.split("/"):
        if part == ".." and parts in ([], [""]):
            return None
        if part == "..":
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    path = "/".join(parts)
    return str(replace(url, path=path).clean) if path.strip("/") else None
