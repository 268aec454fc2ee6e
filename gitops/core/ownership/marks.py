"""Our marks on objects: who manages an object, in a form that a copied object cannot inherit.

The label is only the watch selector (labels are inherited, by EndpointSlices for example); the
annotation names application and object, and is ignored where it does not name its own object, as
Argo CD treats its tracking id. Ownership is the inventory together with the annotation.
"""

from typing import Any, Final

from gitops.core.pointers import format_pointer
from gitops.model.objects import Body, ObjectId, identify, string_map

INSTALLATION_LABEL: Final = "gitops.dev/installation"
TRACKING_ANNOTATION: Final = "gitops.dev/tracking"
HOOK_ANNOTATION: Final = "gitops.dev/hook-run"
"""On a hook's object: the desired digest that it was created for."""
HOOK_FINALIZER: Final = "gitops.dev/hook-finalizer"
"""Keeps a hook's object, whoever deletes it, until its end was seen."""


def stamp(
    body: Body, application: str, installation: str, identity: ObjectId, hook_run: str = ""
) -> dict[str, Any]:
    """A copy of `body` that carries our marks; nothing else is changed."""
    metadata = dict(body.get("metadata") or {})
    metadata["labels"] = {**(metadata.get("labels") or {}), INSTALLATION_LABEL: installation}
    annotations = {
        **(metadata.get("annotations") or {}),
        TRACKING_ANNOTATION: f"{application}:{identity}",
    }
    if hook_run:
        annotations[HOOK_ANNOTATION] = hook_run
        metadata["finalizers"] = [*(metadata.get("finalizers") or ()), HOOK_FINALIZER]
    metadata["annotations"] = annotations
    return {**body, "metadata": metadata}


def tracked_by(body: Body) -> str | None:
    """The application that our annotation names, or None where it names another object."""
    value = string_map(body, "annotations").get(TRACKING_ANNOTATION, "")
    application, colon, identity = value.partition(":")
    if not colon or not application or identity != str(identify(body)):
        return None
    return application


def installation_of(body: Body) -> str | None:
    """The installation that our label names, or None."""
    return string_map(body, "labels").get(INSTALLATION_LABEL)


def is_marked(body: Body, stamped: Body) -> bool:
    """Whether a live object still carries the marks that we would apply."""
    annotations = string_map(body, "annotations"), string_map(stamped, "annotations")
    tracked, wanted = (a.get(TRACKING_ANNOTATION) for a in annotations)
    return tracked == wanted and installation_of(body) == installation_of(stamped)


def release_marks(body: Body) -> list[dict[str, Any]]:
    """JSON patch operations that take our marks off an object; empty where there are none."""
    operations = []
    if INSTALLATION_LABEL in string_map(body, "labels"):
        operations.append(
            {"op": "remove", "path": format_pointer(("metadata", "labels", INSTALLATION_LABEL))}
        )
    operations += [
        {"op": "remove", "path": format_pointer(("metadata", "annotations", key))}
        for key in (TRACKING_ANNOTATION, HOOK_ANNOTATION)
        if key in string_map(body, "annotations")
    ]
    return operations
