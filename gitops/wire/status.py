"""Applications as they stand, and events, as JSON: what `gitops list`, `status` and `events` print.

A repository's URL is shown without its credentials.
"""

from gitops.core.git.repo_url import split_credentials
from gitops.model.application import Application, Source
from gitops.model.events import Event
from gitops.model.status import ApplicationStatus, ObjectStatus, WindowsStatus
from gitops.wire.health import health_to_wire
from gitops.wire.project import window_to_wire
from gitops.wire.revision import commit_to_wire, pin_to_wire
from gitops.wire.values import JsonObject, time_to_wire, versioned_to_wire


def status_to_wire(status: ApplicationStatus, *, objects: bool = False) -> JsonObject:
    """`{name, project, sources, destination, sync, health, message, commit, revision, pin, …}`.

    `commit` and `heldBack` are null or a commit as `show` has it; `objects` adds every object that
    the application owns, and `syncWindows`, null where none is for it.
    """
    application, pin = status.application, status.pin
    value = {
        "name": application.name,
        **_declaration(application),
        "origin": {"kind": status.origin.kind, "where": status.origin.where},
        "sync": status.sync,
        "health": health_to_wire(status.health),
        "message": status.message,
        "commit": None if status.commit is None else commit_to_wire(status.commit),
        "revision": status.revision,
        "pin": None if pin is None else pin_to_wire(pin),
        "suspended": status.suspended,
        "heldBack": None if status.held_back is None else commit_to_wire(status.held_back),
        "waitingFor": list(status.waiting_for),
        "warnings": list(status.warnings),
        "busy": status.busy,
    }
    if objects:
        value["syncWindows"] = None if status.windows is None else _windows(status.windows)
        value["objects"] = [object_to_wire(one) for one in status.objects]
    return value


def _windows(status: WindowsStatus) -> JsonObject:
    """`{open, manualSync, until, windows: [{…, active, until}]}`."""
    return {
        "open": status.open,
        "manualSync": status.manual_sync,
        "until": status.until and time_to_wire(status.until),
        "windows": [
            window_to_wire(one.window)
            | {"active": one.active, "until": one.until and time_to_wire(one.until)}
            for one in status.windows
        ],
    }


def _declaration(application: Application) -> JsonObject:
    automated = application.sync_policy.automated
    return {
        "project": application.project,
        "sources": [_source(source) for source in application.sources],
        "destination": {
            "name": application.destination.name,
            "namespace": application.destination.namespace or None,
        },
        "dependsOn": list(application.depends_on),
        "automated": automated is not None and automated.enabled,
    }


def _source(source: Source) -> JsonObject:
    return {
        "repoURL": shown_url(source.repo_url),
        "path": source.path,
        "targetRevision": source.target_revision,
    }


def shown_url(repo_url: str) -> str:
    """A repository's URL without credentials, otherwise as it was declared."""
    return split_credentials(repo_url)[0] if "@" in repo_url else repo_url


def object_to_wire(status: ObjectStatus) -> JsonObject:
    """`{apiVersion, kind, namespace, name, sync, health, message}`."""
    return versioned_to_wire(status.id, status.api_version) | {
        "sync": status.sync,
        "health": health_to_wire(status.health),
        "message": status.message,
    }


def event_to_wire(event: Event) -> JsonObject:
    """`{sequence, at, application, kind, message, revision, data}`.

    `data` holds what a kind of event adds: `state` where a revision closed, `ticket`, `state` and
    `error` where what somebody asked for is done. What a defect says stays in the log.
    """
    defect = event.kind == "defect"
    return {
        "sequence": event.sequence,
        "at": time_to_wire(event.at),
        "application": event.application,
        "kind": event.kind,
        "message": "a defect in gitops; the log says where" if defect else event.message,
        "revision": event.revision,
        "data": {} if defect else dict(event.data),
    }
