"""`gitops render`: what a tool makes of a folder or an Application, in apply order; no cluster.

Sources of an Application are read where they are: `--local DIR` takes a folder in place of the
repository; a path, `.` or a working tree without a wanted revision is read as it lies there; all
else is fetched with Git into the cache.
"""

from contextlib import ExitStack, closing
from pathlib import Path
from typing import TypedDict, Unpack

import click

from gitops.cli.manifests import dump_documents
from gitops.cli.output import columns, echo_yaml, emit, visible
from gitops.cli.rendering import (
    Flags,
    choose_application,
    make_renderer,
    render_manifests,
    request_for_application,
    request_for_folder,
)
from gitops.controlplane.build import cache_directory
from gitops.errors import UsageError
from gitops.model.application import Application, Source
from gitops.model.objects import Manifest
from gitops.model.plan import Fault
from gitops.ports import Checkout
from gitops.render.folder import FolderCheckout, find_root
from gitops.repositories import make_repositories
from gitops.settings.load import load_settings
from gitops.source.repositories import GitRepositories

_FOLDER = click.Path(path_type=Path)


class _Options(TypedDict):
    namespace: str
    release_name: str
    values: tuple[Path, ...]
    parameters: tuple[str, ...]
    string_parameters: tuple[str, ...]
    skip_crds: bool
    skip_tests: bool
    images: tuple[str, ...]
    recurse: bool
    include: str
    exclude: str
    kube_version: str
    api_versions: tuple[str, ...]


@click.command("render")
@click.argument("path", required=False, type=_FOLDER)
@click.option("-f", "--file", "file", type=_FOLDER, help="A file with an Application.")
@click.option("--application", "name", help="Which Application of the file.")
@click.option("--local", type=_FOLDER, help="Read this folder in place of the repository.")
@click.option("--config", type=_FOLDER, help="Settings with credentials; else GITOPS_CONFIG.")
@click.option("-n", "--namespace", default="", help="Namespace for objects that name none.")
@click.option("--release-name", default="", help="Helm: name of the release.")
@click.option("--values", type=_FOLDER, multiple=True, help="Helm: a file of values.")
@click.option("--set", "parameters", multiple=True, help="Helm: NAME=VALUE.")
@click.option("--set-string", "string_parameters", multiple=True, help="Helm: NAME=TEXT.")
@click.option("--skip-crds", is_flag=True, help="Helm: leave out the chart's crds/.")
@click.option("--skip-tests", is_flag=True, help="Helm: leave out test hooks.")
@click.option("--kube-version", default="", help="Helm: the version that charts see.")
@click.option("--api-versions", multiple=True, help="Helm: an API that charts see.")
@click.option("--image", "images", multiple=True, help="Kustomize: NAME=NEW:TAG.")
@click.option("--recurse", is_flag=True, help="Plain: folders below, too.")
@click.option("--include", default="", help="Plain: only files that match this glob.")
@click.option("--exclude", default="", help="Plain: no files that match this glob.")
@click.option(
    "-o",
    "--output",
    type=click.Choice(["yaml", "json", "table"]),
    default="yaml",
    show_default=True,
    help="How to print the manifests.",
)
def render_command(
    path: Path | None,
    file: Path | None,
    name: str | None,
    local: Path | None,
    config: Path | None,
    output: str,
    **options: Unpack[_Options],
) -> None:
    """Print the objects of PATH, or of an Application, in apply order.

    PATH is a folder with a chart, a kustomization or plain manifests, or one file of manifests.
    """
    flags = Flags(**options)
    if path is not None and file is None:
        _refuse(name is not None, "--application")
        _refuse(local is not None, "--local")
        _refuse(config is not None, "--config")
        renderer = make_renderer()
        found = render_manifests(renderer, request_for_folder(renderer, path, flags))
    elif file is not None and path is None:
        only = {"kube_version", "api_versions"}
        for field, given in options.items():
            _refuse(bool(given) and field not in only, f"--{field.replace('_', '-')}")
        sources = _Sources(file.resolve().parent, local, config)
        found = _render_application(choose_application(file, name), sources, flags)
    else:
        raise UsageError("name a PATH, or an Application's file with -f")
    manifests, faults = found
    for fault in faults:
        where = f"{fault.place}: " if fault.place else ""
        click.echo(visible(f"warning: {where}{fault.message}"), err=True)
    _print(manifests, output)


def _refuse(wrong: bool, flag: str) -> None:  # noqa: FBT001 -- a verdict that was just made
    if wrong:
        raise UsageError(f"{flag} cannot be used here", remedy="see `gitops render --help`")


def _render_application(
    application: Application, sources: "_Sources", flags: Flags
) -> tuple[list[Manifest], tuple[Fault, ...]]:
    with sources:
        checkouts = [sources.open(source) for source in application.sources]
        request = request_for_application(application, checkouts, flags)
        return render_manifests(make_renderer(), request)


class _Sources(ExitStack):
    """Opens the sources of an Application; what was opened is closed with it.

    Credentials come from settings as for the service, but not from a `gitops.yaml` that lies in
    the folder: in a repository of others it could send a file of this machine anywhere.
    """

    def __init__(self, beside: Path, local: Path | None, config: Path | None) -> None:
        super().__init__()
        self._beside = beside
        self._local = local
        self._config = config
        self._repositories: GitRepositories | None = None

    def open(self, source: Source) -> Checkout:
        """The content that a source stands for."""
        folder = self._folder(source)
        if folder is not None:
            return FolderCheckout(folder)
        url = source.repo_url
        if self._repositories is None:
            settings = load_settings(self._config, here=False)
            repositories = make_repositories(settings, cache_directory() / "repositories")
            self._repositories = self.enter_context(closing(repositories))
        self._repositories.fetch(url)
        commit = self._repositories.resolve(url, source.target_revision)
        return self._repositories.checkout(url, commit.sha)

    def _folder(self, source: Source) -> Path | None:
        if self._local is not None:
            if not self._local.is_dir():
                raise UsageError(f"there is no folder {str(self._local)!r}")
            return self._local
        url = source.repo_url
        if "://" in url or source.target_revision not in ("", "HEAD"):
            return None
        for base in (Path.cwd(), self._beside):
            place = base / url
            root = find_root(place.resolve()) if place.is_dir() else None
            if root is not None and not _is_bare(root) and (root / source.path).exists():
                return root
        return None


def _is_bare(folder: Path) -> bool:
    return (folder / "HEAD").is_file() and (folder / "objects").is_dir()


def _print(manifests: list[Manifest], output: str) -> None:
    if output == "yaml":
        echo_yaml(dump_documents(manifest.body for manifest in manifests))
        return
    emit([manifest.body for manifest in manifests], output, lambda: _table(manifests))


def _table(manifests: list[Manifest]) -> str:
    rows: list[list[str]] = [
        [manifest.api_version, manifest.id.kind, manifest.id.namespace, manifest.id.name]
        for manifest in manifests
    ]
    return columns(["apiVersion", "kind", "namespace", "name"], rows)
