"""`gitops project list, show, orphans, delete`: projects of a service."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import click

from gitops.cli.client import connect
from gitops.cli.output import columns, emit, output_option, visible
from gitops.cli.progress import DIFFERENT
from gitops.cli.server import server_option
from gitops.cli.tables import NONE, clip, facts_page, moment

JsonObject = Mapping[str, Any]


@click.group("project", short_help="list, show or delete projects, find orphans")
def project_command() -> None:
    """Projects: which repositories, destinations and kinds their applications may use.

    `gitops create -f` declares them.
    """


@project_command.command("list")
@server_option
@output_option
def list_projects(output: str) -> None:
    """List projects with the number of their applications."""
    projects = connect().get("/projects")
    emit(projects, output, lambda: project_table(projects))


@project_command.command("show")
@click.argument("project")
@server_option
@output_option
def show_project(project: str, output: str) -> None:
    """Show what a project allows, and its applications."""
    found = connect().get(_path(project))
    emit(found, output, lambda: project_page(found))


@project_command.command("orphans")
@click.argument("project")
@server_option
@output_option
@click.pass_context
def show_orphans(context: click.Context, project: str, output: str) -> None:
    """List objects without an application in the namespaces of a project's applications.

    The cluster is asked only now. Exits with 3 where there are some and the project has
    orphanedResources.warn.
    """
    found = connect().get(f"{_path(project)}/orphans")
    emit(found, output, lambda: orphans_page(found))
    for reason in found["unseen"]:
        click.echo(visible(f"warning: not looked at: {reason}"), err=True)
    context.exit(DIFFERENT if found["warn"] and found["orphans"] else 0)


@project_command.command("delete")
@click.argument("project")
@server_option
@output_option
def delete_project(project: str, output: str) -> None:
    """Remove a project that no application names."""
    answer = connect().delete(_path(project))
    emit(answer, output, lambda: f"project {project} removed")


def _path(name: str) -> str:
    return f"/projects/{quote(name, safe='')}"


def project_table(projects: Sequence[JsonObject]) -> str:
    """`gitops project list`."""
    rows = [
        [
            project["name"],
            str(len(project["applications"])),
            _origin(project),
            clip(project["description"]) or NONE,
        ]
        for project in projects
    ]
    return columns(("name", "applications", "declared in", "description"), rows)


def _origin(project: JsonObject) -> str:
    return str(project["origin"]["where"]) if project["origin"] else NONE


def orphans_page(found: JsonObject) -> str:
    """`gitops project orphans`."""
    rows = [
        [
            one["kind"],
            one["namespace"],
            one["name"],
            moment(one["created"]),
            ", ".join(one["managers"]) or NONE,
        ]
        for one in found["orphans"]
    ]
    if not rows:
        return f"no orphans in {', '.join(found['namespaces']) or 'no namespace'}"
    return columns(("kind", "namespace", "name", "created", "by"), rows)


def project_page(project: JsonObject) -> str:
    """`gitops project show`."""
    facts = [
        ("Project", project["name"]),
        ("Description", project["description"]),
        ("Declared in", _origin(project)),
        ("Applications", ", ".join(project["applications"]) or NONE),
        *_limits(project["spec"]),
        *(("Warning", text) for text in project["warnings"]),
    ]
    return facts_page(facts, width=26)


def _limits(spec: JsonObject) -> Iterator[tuple[str, str]]:
    yield "Repositories", ", ".join(spec["sourceRepos"]) or "none"
    yield "Destinations", ", ".join(map(_destination, spec["destinations"])) or "none"
    yield "Kinds without a namespace", _kinds(spec["clusterResourceWhitelist"])
    yield "But not", _kinds(spec["clusterResourceBlacklist"])
    yield "Kinds with a namespace", _kinds(spec["namespaceResourceWhitelist"])
    yield "But not", _kinds(spec["namespaceResourceBlacklist"])
    if spec["orphanedResources"]["ignore"]:
        yield "No orphans", _kinds(spec["orphanedResources"]["ignore"])
    for entry in spec["destinationServiceAccounts"]:
        where = f"{entry['namespace'] or NONE} on {entry['server']}"
        yield "Written as", f"{entry['defaultServiceAccount']} in {where}"
    for window in spec["syncWindows"]:
        yield "Sync window", _window(window)


def _window(window: JsonObject) -> str:
    of = [
        f"{name} {', '.join(window[name])}"
        for name in ("applications", "namespaces", "clusters")
        if window[name]
    ]
    joined = " and " if window["andOperator"] else " or "
    when = f"{window['schedule']} {window['timeZone']} for {window['duration']}"
    manual = "; by hand too" if window["manualSync"] else ""
    return f"{window['kind']} {when}, {joined.join(of)}{manual}"


def _destination(entry: JsonObject) -> str:
    cluster = " or ".join(dict.fromkeys(filter(None, (entry["name"], entry["server"]))))
    return f"{entry['namespace'] or NONE} on {cluster or NONE}"


def _kinds(patterns: Sequence[JsonObject] | None) -> str:
    if patterns is None:
        return "every kind"
    told = [
        "/".join(filter(None, (one["group"], one["kind"]))) + (one["name"] and f" {one['name']}")
        for one in patterns
    ]
    return ", ".join(told) or "none"
