"""What git said on standard error, as a `SourceError` of one sentence.

Text comes in with the secrets that must not show, an error goes out; every module of `source` that
runs git calls it. One row a fault; the first that matches wins, so causes stand before the
consequences that git prints after them.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from gitops.errors import SourceError

DETAIL_CHARS = 240

_UNPRINTABLE = re.compile(r"[^\x20-\x7e\xa0-\uffff]+")
_URL_SECRET = re.compile(r"(\w://)[^/\s@]*@")
_ASKED = re.compile(r"could not read (username|password) for .*", re.IGNORECASE)
_NOISE = re.compile(
    r"(?i)please make sure you have the correct access rights|and the repository exists"
    r"|could not read from remote repository|^(warning|hint):|^@+$|^$"
)


@dataclass(frozen=True, slots=True)
class _Row:
    pattern: re.Pattern[str]
    reason: str
    message: str
    remedy: str


def _row(pattern: str, reason: str, message: str, remedy: str) -> _Row:
    return _Row(re.compile(pattern, re.IGNORECASE), reason, message, remedy)


_ROWS = (
    _row(
        r"no space left on device|disk quota exceeded|file too large|unable to write (file|loose)",
        "disk-full",
        "the mirror could not be written",
        "make room on the disk that holds the state directory",
    ),
    _row(
        r"cannot run ssh|ssh: (command )?not found",
        "unreachable",
        "the program ssh was not found on PATH",
        "install OpenSSH's client",
    ),
    _row(
        r"remote host identification has changed",
        "refused",
        "the server's SSH host key is not the one that is known",
        "find out why it changed before you replace it in known_hosts",
    ),
    _row(
        r"host key verification failed|no \S+ host key is known",
        "refused",
        "the server's SSH host key is not known",
        "print it with `ssh-keyscan HOST`, compare its fingerprint with the one that the "
        "server's owner publishes, and add it to the repository's known_hosts",
    ),
    _row(
        r"load key .*(invalid format|error in libcrypto|incorrect passphrase|bad permissions)"
        r"|identity file .* not accessible|no such identity",
        "refused",
        "the SSH key cannot be used",
        "give a private key in OpenSSH format, without a passphrase",
    ),
    _row(
        r"permission denied \(|too many authentication failures",
        "refused",
        "the server does not accept the SSH key",
        "configure a credential with an SSH key that may read the repository",
    ),
    _row(
        r"could not read (username|password)|terminal prompts disabled",
        "refused",
        "the server asks for credentials and none are configured for this repository",
        "configure a credential whose URL prefix covers it",
    ),
    _row(
        r"authentication failed|returned error: 401|http basic: access denied"
        r"|returned error: 407",
        "refused",
        "the server does not accept the credentials",
        "check the token or password, and when it expires",
    ),
    _row(
        r"returned error: 403|access denied|not allowed to",
        "refused",
        "the credentials do not give the right to read this repository",
        "give the token or key read access to it",
    ),
    _row(
        r"ssl certificate|certificate verif|tls|ssl_|gnutls|alternative certificate subject"
        r"|unable to get local issuer|error setting certificate",
        "refused",
        "the server's TLS certificate is not trusted",
        "configure the certificate authority that signed it for this URL",
    ),
    _row(
        r"transport '.*' not allowed|unsupported protocol|protocol .* not supported",
        "refused",
        "this transport is not allowed",
        "use https, ssh or a local path",
    ),
    _row(
        r"dubious ownership",
        "refused",
        "the repository's files belong to another user",
        "run as the user who owns them, or serve the repository over HTTP or SSH",
    ),
    _row(
        r"not our ref|unadvertised object|couldn't find remote ref",
        "ref-missing",
        "the server does not have, or does not give, this commit",
        "push the commit, or name a branch or tag that contains it",
    ),
    _row(
        r"mismatched algorithms|unknown object format|object format",
        "refused",
        "the repository uses SHA-256 object names, which are not supported",
        "use a repository with SHA-1 object names",
    ),
    _row(
        r"could not resolve host|name or service not known|temporary failure in name"
        r"|failed to connect|couldn't connect|connection refused|connection timed out"
        r"|network is unreachable|no route to host|operation timed out|timed out"
        r"|could not connect|connection closed by|connection reset by .* port",
        "unreachable",
        "the server cannot be reached",
        "check the address, the network and the server; it is tried again",
    ),
    _row(
        r"returned error: 429",
        "unreachable",
        "the server limits how often it may be asked",
        "poll less often, or ask with a credential that has a higher limit",
    ),
    _row(
        r"returned error: 5\d\d",
        "unreachable",
        "the server has a fault",
        "look at the server; it is tried again",
    ),
    _row(
        r"url base from redirection|returned error: 30\d",
        "unreachable",
        "the repository has moved to another address",
        "use its new URL",
    ),
    _row(
        r"repository .* not found|does not appear to be a git repository|not a git repository"
        r"|returned error: 404|repository not found|no such file or directory|does not exist",
        "unreachable",
        "there is no Git repository at this address, or it is hidden without credentials",
        "check the URL, and the credential's right to read it",
    ),
    _row(
        r"is this a git repository|smart http|dumb http|invalid content-type",
        "unreachable",
        "what answers at this address is not a Git server",
        "check the URL",
    ),
    _row(
        r"early eof|hung up|disconnect|index-pack|unpack-objects|bad pack|pack has|packfile"
        r"|protocol error|rpc failed|transfer closed|sideband|bad line length|inflate|corrupt"
        r"|expected flush|invalid .*response|bad object|connection reset|did not send all"
        r"|empty reply|unexpected|missing necessary objects|recv failure|missing blob"
        r"|operation too slow",
        "half-answer",
        "the server's answer broke off or was damaged",
        "it is tried again, and the last good state stays in use",
    ),
)


def explain(stderr: str, where: str, secrets: Iterable[str] = ()) -> SourceError:
    """The error that a failed command means; `where` is a URL without credentials."""
    secrets = tuple(secrets)
    text = redact(stderr, secrets)
    if secrets:
        # Git asks for a user when a bearer token is refused.
        text = _ASKED.sub("Authentication failed", text)
    for row in _ROWS:
        line = _matching_line(row.pattern, text)
        if line is not None:
            detail = f" ({line})" if line else ""
            return SourceError(
                f"{row.message}{detail}", where=where, remedy=row.remedy, reason=row.reason
            )
    line = next((shown for shown in map(_tidy, text.splitlines()) if not _NOISE.search(shown)), "")
    return SourceError(
        f"git failed: {line or 'it gave no reason'}",
        where=where,
        remedy="check the URL and the server; it is tried again",
        reason="unreachable",
    )


def explain_local(stderr: str, where: str) -> SourceError:
    """The error that a failed command on a mirror means; `where` is the mirror's folder."""
    error = explain(stderr, where)
    if error.reason == "disk-full":
        return error
    line = next((shown for shown in map(_tidy, stderr.splitlines()) if shown), "no reason given")
    return SourceError(
        f"the mirror cannot be used ({line})",
        where=where,
        remedy="remove this folder; it is fetched anew",
        reason="half-answer",
    )


def timed_out(where: str, timeout_s: float, what: str) -> SourceError:
    """The error for a command that was ended at its deadline."""
    return SourceError(
        f"{what} took longer than {timeout_s:g} s and was stopped",
        where=where,
        remedy="check the network and the server, or raise the timeout; it is tried again",
        reason="timeout",
    )


def too_much(where: str, what: str) -> SourceError:
    """The error for a command that printed more than it may."""
    return SourceError(f"{what} was larger than its limit", where=where, reason="limit")


def redact(text: str, secrets: Iterable[str]) -> str:
    """Text without secrets and without what stands before "@" in a URL."""
    for secret in sorted({s for s in secrets if s}, key=len, reverse=True):
        text = text.replace(secret, "***")
    return _URL_SECRET.sub(r"\1", text)


def _matching_line(pattern: re.Pattern[str], text: str) -> str | None:
    for line in text.splitlines():
        if pattern.search(line):
            return _tidy(line)
    return None


def _tidy(line: str) -> str:
    line = _UNPRINTABLE.sub(" ", line).strip()
    for prefix in ("fatal: ", "error: ", "remote: "):
        line = line.removeprefix(prefix)
    return line if len(line) <= DETAIL_CHARS else line[:DETAIL_CHARS] + "…"
