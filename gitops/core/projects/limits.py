"""What a project allows: sources, destinations and kinds, as Argo CD's `AppProject` has it.

In: a project and what is to be used. Out: verdicts, or the sentence that says what is not allowed.
Called by `core/planning/permitting.py` and by the engine before anything is looked at.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from gitops.core.git.repo_url import parse, split_credentials
from gitops.core.globs import matches, matches_word
from gitops.model.application import Application, Destination
from gitops.model.objects import GroupKind, ObjectId
from gitops.model.project import KindPattern, Project, ProjectDestination

IN_CLUSTER: Final = Destination().name
IN_CLUSTER_SERVER: Final = "https://kubernetes.default.svc"


def faults_of(application: Application, project: Project) -> Iterator[str]:
    """What of an application's declaration its project does not allow, as sentences."""
    for url in dict.fromkeys(source.repo_url for source in application.sources):
        if not allows_source(project, url):
            shown = split_credentials(url)[0]
            yield f'the project "{project.name}" does not allow the repository {shown}'
    destination = application.destination
    if not allows_destination(project, destination, destination.namespace):
        where = destination.name
        if destination.namespace:
            where = f"{destination.namespace} on {where}"
        yield f'the project "{project.name}" does not allow the destination {where}'


# --- sources --------------------------------------------------------------------------------------


def allows_source(project: Project, repo_url: str) -> bool:
    """Whether a repository may be read: one pattern matches, and none denies it."""
    text, found = _spelling(repo_url), False
    for pattern in project.source_repos:
        denied = pattern.removeprefix("!")
        hit = denied == "*" or matches(_spelling(denied), text, "/")
        if hit and pattern.startswith("!"):
            return False
        found = found or hit or pattern.startswith("!")
    return found


def _spelling(url: str) -> str:
    """One spelling for the ways in which one transport writes a URL, globs included.

    Letter case does not count, except in paths of this machine; nor do `.git`, credentials, a
    default port, and slashes too many.
    """
    found = parse(url)
    if found is None:
        text = url.strip().lower().removesuffix(".git")
        return text.removeprefix("ssh://")
    if found.local:
        return f"file://{found.path}"
    user = f"{found.user}@" if found.scheme == "ssh" and found.user else ""
    scheme = "" if found.scheme == "ssh" else f"{found.scheme}://"
    port = "" if found.port is None else f":{found.port}"
    path = found.path.strip("/").removesuffix(".git")
    return f"{scheme}{user}{found.host}{port}/{path}".lower()


# --- destinations ---------------------------------------------------------------------------------


def allows_destination(project: Project, destination: Destination, namespace: str) -> bool:
    """Whether a namespace of a cluster may be written to: one entry matches, and none denies it."""
    found = False
    name, server = destination.name, server_of(destination)
    for entry in project.destinations:
        by_name = bool(name) and _hits(entry.name, name)
        by_server = bool(server) and _hits(entry.server, server)
        by_namespace = _hits(entry.namespace, namespace)
        if (by_name or by_server) and by_namespace:
            found = True
        elif _denies(entry, by_name=by_name, by_server=by_server, by_namespace=by_namespace):
            return False
    return found


def _denies(
    entry: ProjectDestination, *, by_name: bool, by_server: bool, by_namespace: bool
) -> bool:
    """Whether an entry that does not match forbids what the others allow."""
    if by_namespace:
        of_name = entry.name.startswith("!") and not by_name
        return of_name or (entry.server.startswith("!") and not by_server)
    return entry.namespace.startswith("!") and by_server


def server_of(destination: Destination) -> str:
    """A cluster's address, "" where only its name is known."""
    if destination.name == IN_CLUSTER:
        return IN_CLUSTER_SERVER
    return destination.name if "://" in destination.name else ""


def _hits(pattern: str, text: str) -> bool:
    if pattern.startswith("!"):
        return not matches(pattern[1:], text)
    return pattern == "*" or matches(pattern, text)


# --- kinds ----------------------------------------------------------------------------------------


def allows_kind(project: Project, kind: GroupKind, name: str, *, namespaced: bool) -> bool:
    """Whether objects of a kind may be written; what a blacklist names is never allowed."""
    if namespaced:
        white, black = project.namespace_resource_whitelist, project.namespace_resource_blacklist
    else:
        white, black = project.cluster_resource_whitelist, project.cluster_resource_blacklist
    allowed = white is None or _listed(white, kind, name)
    return allowed and not _listed(black, kind, name)


def _listed(patterns: Sequence[KindPattern], kind: GroupKind, name: str) -> bool:
    return any(
        matches_word(one.kind, kind.kind)
        and matches_word(one.group, kind.group)
        and (not one.name or matches_word(one.name, name))
        for one in patterns
    )


def refusal(project: Project, application: Application, identity: ObjectId) -> str:
    """Why an object may not be written or deleted, as part of a sentence; "" where it may be."""
    namespace = identity.namespace
    if not allows_kind(project, identity.group_kind, identity.name, namespaced=bool(namespace)):
        scope = "namespaced" if namespace else "cluster-wide"
        return f'the project "{project.name}" does not allow the {scope} kind {identity.group_kind}'
    if namespace and not allows_destination(project, application.destination, namespace):
        return f'the project "{project.name}" does not allow the namespace {namespace}'
    return ""


def account_of(project: Project, destination: Destination) -> str | None:
    """The user in whose name objects are written; None where the project names none.

    The first entry counts. An account without a namespace is of the destination's; where that has
    none, it is nobody.
    """
    server, namespace = server_of(destination), destination.namespace
    for entry in project.destination_service_accounts:
        if server and matches(entry.server, server) and matches(entry.namespace, namespace):
            within, _, name = entry.account.rpartition(":")
            within = within or namespace
            return f"system:serviceaccount:{within}:{name}" if within and name else None
    return None


def is_unlimited(project: Project) -> bool:
    """Whether a project allows everything, so that its applications may declare those of others."""
    everywhere = any(
        entry.namespace == "*" and "*" in (entry.server, entry.name)
        for entry in project.destinations
    )
    denies = any(
        part.startswith("!")
        for entry in project.destinations
        for part in (entry.server, entry.name, entry.namespace)
    )
    sources = "*" in project.source_repos and not any(
        pattern.startswith("!") for pattern in project.source_repos
    )
    every = KindPattern("*", "*")
    kinds = every in project.cluster_resource_whitelist and (
        project.namespace_resource_whitelist is None
        or every in project.namespace_resource_whitelist
    )
    black = project.cluster_resource_blacklist or project.namespace_resource_blacklist
    return everywhere and not denies and sources and kinds and not black
