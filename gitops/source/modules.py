"""Which submodules may be followed, and where they lie.

A parent's URL, what `.gitmodules` says and the options come in; the submodule's URL goes out.
`checkout` calls it before anything is fetched. The rule (threats, Git submodules): a repository's
content must not make the service read its own disk, run a helper, or ask hosts that nobody named.
"""

from gitops.core.git.repo_url import covers, join, parse, split_credentials
from gitops.errors import SourceError
from gitops.source.options import GitOptions

MAX_DEPTH = 8


def module_url(parent: str, written: str | None, path: str, options: GitOptions) -> str:
    """The URL of a submodule.

    Raises:
        SourceError: `submodule` where it is not named, cannot be read or is not allowed.
    """
    where = f"{parent} {path}"
    if written is None:
        raise SourceError(
            f"the submodule `{path}` has no URL",
            where=where,
            remedy="add it to .gitmodules, or remove it from the commit",
            reason="submodule",
        )
    joined = join(parent, written.strip())
    url, base = parse(joined or ""), parse(parent)
    if joined is None or url is None or base is None:
        raise _refused(where, written, "is none that may be used", "https or ssh")
    if url.local:
        if not (base.local and options.local_submodules and options.local_repositories):
            raise _refused(where, written, "leads to this machine's files", "https or ssh")
        return joined
    same_host = (not base.local) and base.host == url.host
    named = any(prefix == "*" or covers(prefix, joined) for prefix in options.submodule_prefixes)
    if not same_host and not named:
        raise _refused(where, written, f"leads to another host ({url.host})", "the same host")
    if base.scheme == "https" and url.scheme == "http":
        raise _refused(where, written, "is not encrypted", "https")
    return joined


def _refused(where: str, written: str, why: str, use: str) -> SourceError:
    shown, _, _ = split_credentials(written)
    return SourceError(
        f"the submodule's URL `{shown[:200]}` {why}",
        where=where,
        remedy=f"use {use}, or allow it by URL prefix in the settings",
        reason="submodule",
    )
