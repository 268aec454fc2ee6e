"""What a folder says of its own rendering: `.argocd-source.yaml`, `.argocd-source-<app>.yaml`.

In: a source, its folder, the application's name. Out: the source with both files merged over it,
in Argo CD's order. Called by the renderer before a tool is chosen.
"""

import posixpath

from gitops.core.application.spec import override_source
from gitops.core.yaml.reader import read_documents
from gitops.errors import ApplicationError, RenderError
from gitops.model.application import Source
from gitops.model.objects import Place
from gitops.render.closure import Closure
from gitops.render.plain import decode
from gitops.render.tree import Spot


def override(source: Source, spot: Spot, application: str, closure: Closure) -> Source:
    """The source as it is in this folder; a name that is not there yet is watched.

    Raises:
        RenderError: `failed` where a file cannot be read, or says what no source can have.
    """
    if spot.kind != "folder":
        return source
    for name in (".argocd-source.yaml", f".argocd-source-{application}.yaml"):
        path = posixpath.normpath(posixpath.join(spot.path, name))
        closure.watched.add(path)
        if closure.tree.look(path).kind == "file":
            source = _merged(source, path, closure)
    return source


def _merged(source: Source, path: str, closure: Closure) -> Source:
    text = decode(closure.tree.read(closure.tree.look(path)), path)
    documents = list(read_documents(text))
    for fault in (fault for document in documents for fault in document.faults):
        raise RenderError(fault.message, where=f"{path}:{fault.line}", reason="failed")
    patch = documents[0].value if documents else None
    if patch is None:
        return source
    if len(documents) > 1 or not isinstance(patch, dict):
        raise RenderError("it is not one mapping of a source's fields", where=path, reason="failed")
    try:
        return override_source(source, patch, Place(path))
    except ApplicationError as error:
        raise RenderError(
            error.message, where=path, remedy=error.remedy, reason="failed"
        ) from error
