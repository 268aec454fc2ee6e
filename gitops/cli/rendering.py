"""From a folder or an Application file to ordered manifests, without any cluster.

In: what the command line was told. Out: manifests in apply order. Called by `gitops render`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from gitops.controlplane.build import find_tool
from gitops.core.application.spec import is_application, parse_application, unsupported_kind
from gitops.core.manifests.parse import last_declared, parse_all
from gitops.core.manifests.scope import place, scopes
from gitops.core.planning.order import order
from gitops.errors import ApplicationError, InputError, ManifestError, UsageError
from gitops.model.application import (
    Application,
    Destination,
    DirectorySource,
    HelmSource,
    KustomizeSource,
    Source,
)
from gitops.model.objects import Manifest
from gitops.model.plan import Fault
from gitops.openapi.loader import load_builtin
from gitops.ports import Checkout, Rendered, RenderRequest
from gitops.render.detect import Tool, detect
from gitops.render.folder import FolderCheckout, find_root
from gitops.render.renderer import ToolRenderer
from gitops.render.tools import Tools
from gitops.render.tree import OutsideError, Tree

OFFLINE_RELEASE = "release-name"
"""Helm's own name for a release that nobody named."""


@dataclass(frozen=True, slots=True)
class Flags:
    """What `gitops render PATH` may be told besides the path."""

    namespace: str = ""
    release_name: str = ""
    values: tuple[Path, ...] = ()
    parameters: tuple[str, ...] = ()
    string_parameters: tuple[str, ...] = ()
    skip_crds: bool = False
    skip_tests: bool = False
    images: tuple[str, ...] = ()
    recurse: bool = False
    include: str = ""
    exclude: str = ""
    kube_version: str = ""
    api_versions: tuple[str, ...] = ()


def make_renderer() -> ToolRenderer:
    """The user's own tools, else those of the control plane's build."""
    renderer = ToolRenderer(Tools(kustomize=find_tool("kustomize"), helm=find_tool("helm")))
    renderer.clean()
    return renderer


def request_for_folder(renderer: ToolRenderer, path: Path, flags: Flags) -> RenderRequest:
    """What to render for a folder or a file on this machine; flags of another tool are refused.

    In a Git working tree nothing outside of it is read. Elsewhere the repository is the smallest
    folder around the path that holds all that it names, as the tools themselves would read it.
    """
    if not path.exists():
        raise UsageError(f"there is no {str(path)!r}", remedy="name a folder that exists")
    root = find_root(path.resolve())
    request = _folder_request(root, path, flags)
    if (root / ".git").exists():
        return request
    for wider in (root, *list(root.parents)[:-1]):
        request = _folder_request(wider, path, flags)
        try:
            renderer.check(request)
        except OutsideError:
            continue
        break
    return request


def _folder_request(root: Path, path: Path, flags: Flags) -> RenderRequest:
    checkout = FolderCheckout(root)
    inside = path.resolve().relative_to(checkout.root).as_posix()
    source = Source(repo_url=str(root), path=inside)
    tool = detect(source, Tree(checkout)).tool
    _refuse_flags(tool, flags)
    lent = tuple(
        (Source(str(file.parent), path="", ref=f"values{position}"), FolderCheckout(file.parent))
        for position, file in enumerate(file.resolve() for file in flags.values)
    )
    application = Application(
        name=flags.release_name or OFFLINE_RELEASE,
        sources=(_with_flags(source, tool, flags), *(item for item, _ in lent)),
        destination=Destination(namespace=flags.namespace),
    )
    return RenderRequest(
        application,
        ((application.sources[0], checkout), *lent),
        flags.kube_version,
        flags.api_versions,
    )


def _with_flags(source: Source, tool: Tool, flags: Flags) -> Source:
    if tool is Tool.HELM:
        names = [f"$values{position}/{file.name}" for position, file in enumerate(flags.values)]
        parameters = [(text, False) for text in flags.parameters]
        parameters += [(text, True) for text in flags.string_parameters]
        helm = HelmSource(
            value_files=tuple(names),
            parameters=tuple(_parameter(text, force) for text, force in parameters),
            skip_crds=flags.skip_crds,
            skip_tests=flags.skip_tests,
        )
        return replace(source, helm=helm)
    if tool is Tool.KUSTOMIZE:
        return replace(source, kustomize=KustomizeSource(images=flags.images))
    directory = DirectorySource(flags.recurse, flags.include, flags.exclude)
    return replace(source, directory=directory)


def _parameter(text: str, force: bool) -> dict[str, object]:  # noqa: FBT001 -- Argo CD's field
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise UsageError(f"{text!r} is not NAME=VALUE")
    return {"name": name, "value": value.replace("$", "$$"), "forceString": force}


def _refuse_flags(tool: Tool, flags: Flags) -> None:
    """A flag that would do nothing is a mistake."""
    owners = {
        "--values": (Tool.HELM, flags.values),
        "--set": (Tool.HELM, flags.parameters),
        "--set-string": (Tool.HELM, flags.string_parameters),
        "--release-name": (Tool.HELM, flags.release_name),
        "--skip-crds": (Tool.HELM, flags.skip_crds),
        "--skip-tests": (Tool.HELM, flags.skip_tests),
        "--image": (Tool.KUSTOMIZE, flags.images),
        "--recurse": (Tool.PLAIN, flags.recurse),
        "--include": (Tool.PLAIN, flags.include),
        "--exclude": (Tool.PLAIN, flags.exclude),
    }
    for flag, (owner, given) in owners.items():
        if given and owner is not tool:
            is_a = {"plain": "plain manifests", "helm": "a Helm chart"}.get(tool, "a kustomization")
            raise UsageError(f"{flag} means nothing here: the path holds {is_a}")


def read_applications(file: Path) -> list[Application]:
    """Every Application of a file."""
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"the file cannot be read: {error}", where=str(file)) from error
    parsed = parse_all([(str(file), text)])
    if parsed.faults:
        raise faulty(parsed.faults, str(file))
    found = [parse_application(m) for m in parsed.manifests if is_application(m)]
    others = [said for m in parsed.manifests if (said := unsupported_kind(m))]
    if others and not found:
        raise ApplicationError(others[0], where=str(file))
    return found


def choose_application(file: Path, name: str | None) -> Application:
    """The one Application of a file, or the one named."""
    found = read_applications(file)
    wanted = [application for application in found if name in (None, application.name)]
    if len(wanted) == 1:
        return wanted[0]
    names = ", ".join(application.name for application in found)
    if not found:
        raise ApplicationError("no Application is declared in it", where=str(file))
    raise UsageError(
        f"the file declares {names}" + (f", and no {name!r}" if name else ""),
        where=str(file),
        remedy="choose one of them with --application",
    )


def render_manifests(
    renderer: ToolRenderer, request: RenderRequest
) -> tuple[list[Manifest], tuple[Fault, ...]]:
    """Render, read and order.

    Returns:
        The manifests, and the faults that do not hide what a tool made (a label that is a number,
        an object without a name, of equal objects those that are not taken, a folder without
        manifests): they are told beside it.

    Raises:
        ManifestError: with every fault, where one keeps a manifest from being read.
    """
    rendered = renderer.render(request)
    empty = _find_empty(request, rendered)
    may_repeat = request.application.may_repeat_objects
    parsed = parse_all([(t.path, t.text) for t in rendered.texts], may_repeat=may_repeat)
    if not all(_is_shown(fault) for fault in parsed.faults):
        raise faulty(parsed.faults, request.sources[0][0].path)
    found = [*parsed.manifests, *parsed.flawed]
    if not all(_is_named(manifest.body.get("metadata")) for manifest in found):
        raise faulty(parsed.faults, request.sources[0][0].path)
    known = scopes(found, load_builtin().kinds)
    placed = place(found, known, request.application.destination.namespace)
    # A namespace is added where there is none; what the tool wrote is never taken away.
    shown = [old if old.id.namespace else new for old, new in zip(found, placed, strict=True)]
    shown, hidden = last_declared(shown) if may_repeat else (shown, [])
    return order(shown), (*empty, *parsed.faults, *hidden)


_SHOWN_FAULTS = frozenset({"wrong-type", "null-value"})


def _is_shown(fault: Fault) -> bool:
    """Whether what the tool made can be printed nevertheless, as the tool itself prints it."""
    return fault.code in _SHOWN_FAULTS or fault.message.startswith("metadata.name ")


def _is_named(metadata: object) -> bool:
    """Whether the metadata can be used, whatever else is wrong."""
    if not isinstance(metadata, dict):
        return metadata is None
    return all(isinstance(metadata.get(key) or "", str) for key in ("name", "namespace"))


def _find_empty(request: RenderRequest, rendered: Rendered) -> list[Fault]:
    """A chart may have nothing to say; a folder without one manifest is probably a mistake."""
    if rendered.texts or rendered.tool != Tool.PLAIN:
        return []
    paths = ", ".join(repr(source.path) for source, _ in request.sources if source.path)
    return [Fault("empty", f"there are no manifests in {paths}; is this the right path?")]


def faulty(faults: Sequence[Fault], where: str) -> ManifestError:
    """One error that tells every fault."""
    if len(faults) == 1:
        place_of = faults[0].place
        return ManifestError(faults[0].message, where=str(place_of) if place_of else where)
    lines = [f"\n  {fault.place or where}: {fault.message}" for fault in faults]
    return ManifestError(f"{len(faults)} faults:{''.join(lines)}", where=where)


def request_for_application(
    application: Application, checkouts: Sequence[Checkout], flags: Flags
) -> RenderRequest:
    """What to render for an Application whose sources were opened."""
    sources = tuple(zip(application.sources, checkouts, strict=True))
    return RenderRequest(application, sources, flags.kube_version, flags.api_versions)
