"""What pods say about the workload that made them.

In: live bodies of a workload, its pods and events, which may hold anything. Out: the health of a
ReplicationController (which no rule of Argo CD judges), the warning that its pods keep an old
image, and the one reason that explains an unhealthy workload. Called by the engine.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from gitops.core.health.fields import MalformedError, condition, count, mapping, maps, number, text
from gitops.core.health.rules import health, is_deleting
from gitops.core.health.workloads import is_error
from gitops.model.health import Health, HealthStatus
from gitops.model.objects import Body, identify

OLD_IMAGE: Final = "existing pods keep the old image until replaced"


def workload_health(body: Body, pods: Sequence[Body]) -> Health:
    """Health of a workload for the service; like `health`, but a ReplicationController has one.

    It is Degraded when it cannot make pods or one of its pods fails, Progressing until as many
    pods are ready as it wants, and Healthy then.
    """
    if (body.get("apiVersion"), body.get("kind")) != ("v1", "ReplicationController"):
        return health(body)
    if is_deleting(body):
        return Health(HealthStatus.PROGRESSING, "Pending deletion")
    try:
        return _replication_controller(body, pods)
    except MalformedError as error:
        said = f"failed to convert unstructured ReplicationController to typed: {error}"
        return Health(HealthStatus.UNKNOWN, said)


def _replication_controller(body: Body, pods: Sequence[Body]) -> Health:
    status = mapping(body, "status")
    generation = count(mapping(body, "metadata"), "generation")
    if generation > count(status, "observedGeneration"):
        return Health(HealthStatus.PROGRESSING, "Waiting for the controller to see the change")
    failure = condition(status, "ReplicaFailure")
    if failure and text(failure, "status") == "True":
        return Health(HealthStatus.DEGRADED, text(failure, "message"))
    if any(health(pod).status is HealthStatus.DEGRADED for pod in pods):
        return Health(HealthStatus.DEGRADED, pod_reason(pods))
    wanted = number(mapping(body, "spec"), "replicas")
    wanted = 1 if wanted is None else wanted
    replicas, ready = count(status, "replicas"), count(status, "readyReplicas")
    if replicas > wanted:
        said = f"Waiting for {replicas - wanted} pods to be removed"
    elif ready < wanted:
        said = f"Waiting for pods: {ready} of {wanted} are ready"
    else:
        return Health(HealthStatus.HEALTHY)
    return Health(HealthStatus.PROGRESSING, said)


def stale_image_warning(controller: Body, pods: Sequence[Body]) -> str | None:
    """`existing pods keep the old image until replaced`, where that is so.

    A ReplicationController uses its template for new pods only.
    """
    try:
        wanted = _images(mapping(controller, "spec", "template", "spec"))
        stale = any(
            _images(mapping(pod, "spec")).get(name, image) != image
            for pod in pods
            if not is_deleting(pod)
            for name, image in wanted.items()
        )
    except MalformedError:
        return None
    return OLD_IMAGE if stale else None


def _images(pod_spec: Body) -> dict[str, str]:
    lists = (maps(pod_spec, "initContainers"), maps(pod_spec, "containers"))
    return {text(c, "name"): text(c, "image") for containers in lists for c in containers}


# --- The one reason -----------------------------------------------------------------------------


def pod_reason(pods: Sequence[Body], events: Sequence[Body] = ()) -> str:
    """The one reason that explains an unhealthy workload; "" where nothing does.

    The most telling one wins: a configuration error, an image that cannot be pulled, a crash, a
    pod that cannot be scheduled, one that is still being made, a probe; then the newest warning
    among the events. Ties go to the first pod by name.
    """
    found = sorted(
        (rank, identify(pod).name, reason) for pod in pods for rank, reason in _reasons(pod, events)
    )
    return found[0][2] if found else _event_reason(events)


def _reasons(pod: Body, events: Sequence[Body]) -> list[tuple[int, str]]:
    """Every reason of one pod with its rank, the lowest the most telling."""
    try:
        status = mapping(pod, "status")
        if text(status, "phase") == "Succeeded":
            return []
        return [
            *_container_reasons(status, events),
            *_pod_reasons(status),
        ]
    except MalformedError:
        return []


def _container_reasons(status: Body, events: Sequence[Body]) -> Iterator[tuple[int, str]]:
    started = text(status, "phase") == "Running"
    for key in ("initContainerStatuses", "containerStatuses"):
        for container in maps(status, key):
            state = mapping(container, "state")
            waiting, ended = mapping(state, "waiting"), mapping(state, "terminated")
            if text(waiting, "reason"):
                yield _waiting_reason(container, waiting, events)
            elif count(ended, "exitCode"):
                yield 3, _ended(container, ended)
            elif started and state.get("running") is not None and container.get("ready") is False:
                yield 6, _not_ready(container, events)


def _image(container: Body, waiting: Body, events: Sequence[Body]) -> str:
    del waiting, events
    return f"image {text(container, 'image')}"


def _crash(container: Body, waiting: Body, events: Sequence[Body]) -> str:
    del waiting, events
    return _ended(container, mapping(container, "lastState", "terminated"))


def _creating(container: Body, waiting: Body, events: Sequence[Body]) -> str:
    del container
    return _newest(events, "FailedMount", "FailedAttachVolume", "FailedCreatePodSandBox") or text(
        waiting, "message"
    )


def _as_said(container: Body, waiting: Body, events: Sequence[Body]) -> str:
    del events
    return text(waiting, "message") or f"container {text(container, 'name')}"


_WAITING: Final[dict[str, tuple[int, Callable[[Body, Body, Sequence[Body]], str]]]] = {
    "ImagePullBackOff": (1, _image),
    "ErrImagePull": (1, _image),
    "ErrImageNeverPull": (1, _image),
    "InvalidImageName": (1, _image),
    "CrashLoopBackOff": (2, _crash),
    "ContainerCreating": (5, _creating),
    "PodInitializing": (5, _creating),
}
"""Waiting reasons that say more than their own message; any other error has rank 0."""


def _waiting_reason(container: Body, waiting: Body, events: Sequence[Body]) -> tuple[int, str]:
    reason = text(waiting, "reason")
    rank, say = _WAITING.get(reason, (0 if is_error(reason) else 7, _as_said))
    said = say(container, waiting, events)
    return rank, f"{reason}: {said}" if said else reason


def _ended(container: Body, ended: Body) -> str:
    """`container app exited with exit code 1 (OOMKilled): message`."""
    name = text(container, "name")
    if not ended:
        return f"container {name} keeps ending"
    reason, message = text(ended, "reason"), text(ended, "message").strip()
    why = f" ({reason})" if reason not in {"", "Error", "Completed"} else ""
    said = f"container {name} ended with exit code {count(ended, 'exitCode')}{why}"
    return f"{said}: {message}" if message else said


def _not_ready(container: Body, events: Sequence[Body]) -> str:
    probe = _newest(events, "Unhealthy")
    name = text(container, "name")
    return f"NotReady: container {name}: {probe or 'its readiness probe does not succeed'}"


def _pod_reasons(status: Body) -> Iterator[tuple[int, str]]:
    reason, message = text(status, "reason"), text(status, "message")
    if text(status, "phase") == "Failed" and (reason or message):
        yield 4, ": ".join(part for part in (reason, message) if part)
    scheduled = condition(status, "PodScheduled")
    if scheduled and text(scheduled, "status") == "False":
        said = text(scheduled, "message")
        yield 4, f"{text(scheduled, 'reason') or 'Unschedulable'}" + (f": {said}" if said else "")


# --- Events -------------------------------------------------------------------------------------


def _event_reason(events: Sequence[Body]) -> str:
    """The newest warning: `BackoffLimitExceeded: Job has reached the specified backoff limit`."""
    warnings = [event for event in events if _said(event, "type") == "Warning"]
    if not warnings:
        return ""
    newest = max(warnings, key=_time)
    reason, message = _said(newest, "reason"), _said(newest, "message")
    return ": ".join(part for part in (reason, message) if part)


def _newest(events: Sequence[Body], *reasons: str) -> str:
    found = [event for event in events if _said(event, "reason") in reasons]
    return _said(max(found, key=_time), "message") if found else ""


def _time(event: Any) -> tuple[str, str]:
    """When an event was last seen, as text; then its message, so that the choice is stable."""
    seen = (_said(event, key) for key in ("lastTimestamp", "eventTime", "firstTimestamp"))
    return next((time for time in seen if time), ""), _said(event, "message")


def _said(event: Any, key: str) -> str:
    value = event.get(key) if isinstance(event, Mapping) else None
    return value if isinstance(value, str) else ""
