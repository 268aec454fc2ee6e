"""Health of what runs pods: Deployment, StatefulSet, DaemonSet, ReplicaSet, Pod, Job, CronJob.

In: a live body. Out: its health, in the words of Argo CD (gitops-engine `pkg/health`, and its
bundled check for CronJob), which took them from `kubectl rollout status`. Called by `rules.py`.
"""

from collections.abc import Mapping
from typing import Any, Final

from gitops.core.health.fields import condition, count, flag, mapping, maps, number, text
from gitops.model.health import Health, HealthStatus
from gitops.model.objects import Body, string_map

HEALTHY: Final = HealthStatus.HEALTHY
PROGRESSING: Final = HealthStatus.PROGRESSING
DEGRADED: Final = HealthStatus.DEGRADED
SUSPENDED: Final = HealthStatus.SUSPENDED

HOOK_ANNOTATIONS: Final = ("argocd.argoproj.io/hook", "gitops.dev/hook", "helm.sh/hook")
IGNORE_RESTART_POLICY: Final = (
    "argocd.argoproj.io/ignore-restart-policy",
    "gitops.dev/ignore-restart-policy",
)


def _observed(body: Body) -> bool:
    """Whether the controller has seen the newest generation."""
    generation = count(mapping(body, "metadata"), "generation")
    return generation <= count(mapping(body, "status"), "observedGeneration")


def _name(body: Body) -> str:
    return text(mapping(body, "metadata"), "name")


def deployment(body: Body) -> Health:
    """Paused, past its deadline, rolling out, or healthy."""
    spec, status = mapping(body, "spec"), mapping(body, "status")
    if flag(spec, "paused"):
        return Health(SUSPENDED, "Deployment is paused")
    waiting = "Waiting for rollout to finish:"
    if not _observed(body):
        return Health(
            PROGRESSING, f"{waiting} observed deployment generation less than desired generation"
        )
    progressing = condition(status, "Progressing")
    if progressing and text(progressing, "reason") == "ProgressDeadlineExceeded":
        return Health(DEGRADED, f'Deployment "{_name(body)}" exceeded its progress deadline')
    wanted, updated = number(spec, "replicas"), count(status, "updatedReplicas")
    replicas, available = count(status, "replicas"), count(status, "availableReplicas")
    if wanted is not None and updated < wanted:
        said = f"{updated} out of {wanted} new replicas have been updated..."
    elif replicas > updated:
        said = f"{replicas - updated} old replicas are pending termination..."
    elif available < updated:
        said = f"{available} of {updated} updated replicas are available..."
    else:
        return Health(HEALTHY)
    return Health(PROGRESSING, f"{waiting} {said}")


def stateful_set(body: Body) -> Health:
    """Observed, ready, and rolled out as far as its strategy and partition say."""
    spec, status = mapping(body, "spec"), mapping(body, "status")
    if not count(status, "observedGeneration") or not _observed(body):
        return Health(PROGRESSING, "Waiting for statefulset spec update to be observed...")
    wanted, ready = number(spec, "replicas"), count(status, "readyReplicas")
    if wanted is not None and ready < wanted:
        return Health(PROGRESSING, f"Waiting for {wanted - ready} pods to be ready...")
    strategy = mapping(spec, "updateStrategy")
    kind = text(strategy, "type")
    if kind == "RollingUpdate" and strategy.get("rollingUpdate") is not None:
        return _partitioned(mapping(strategy, "rollingUpdate"), wanted, status)
    if kind == "OnDelete":
        return Health(HEALTHY, f"statefulset has {ready} ready pods")
    update, current = text(status, "updateRevision"), text(status, "currentRevision")
    if update != current:
        updated = count(status, "updatedReplicas")
        return Health(
            PROGRESSING,
            f"waiting for statefulset rolling update to complete {updated} pods at revision "
            f"{update}...",
        )
    return Health(
        HEALTHY,
        f"statefulset rolling update complete {count(status, 'currentReplicas')} pods at revision "
        f"{current}...",
    )


def _partitioned(rolling: Mapping[str, Any], wanted: int | None, status: Body) -> Health:
    """A rolling update that stops at a partition."""
    partition, updated = number(rolling, "partition"), count(status, "updatedReplicas")
    if wanted is not None and partition is not None and updated < wanted - partition:
        return Health(
            PROGRESSING,
            f"Waiting for partitioned roll out to finish: {updated} out of {wanted - partition} "
            "new pods have been updated...",
        )
    return Health(
        HEALTHY, f"partitioned roll out complete: {updated} new pods have been updated..."
    )


def daemon_set(body: Body) -> Health:
    """Updated and available on every node that it is for."""
    status = mapping(body, "status")
    if not _observed(body):
        return Health(
            PROGRESSING,
            "Waiting for rollout to finish: observed daemon set generation less than desired "
            "generation",
        )
    updated = count(status, "updatedNumberScheduled")
    desired = count(status, "desiredNumberScheduled")
    available = count(status, "numberAvailable")
    if text(mapping(body, "spec", "updateStrategy"), "type") == "OnDelete":
        return Health(HEALTHY, f"daemon set {updated} out of {desired} new pods have been updated")
    waiting = f'Waiting for daemon set "{_name(body)}" rollout to finish:'
    if updated < desired:
        said = f"{updated} out of {desired} new pods have been updated..."
    elif available < desired:
        said = f"{available} of {desired} updated pods are available..."
    else:
        return Health(HEALTHY)
    return Health(PROGRESSING, f"{waiting} {said}")


def replica_set(body: Body) -> Health:
    """Able to make its pods, and all available."""
    status = mapping(body, "status")
    waiting = "Waiting for rollout to finish:"
    if not _observed(body):
        return Health(
            PROGRESSING, f"{waiting} observed replica set generation less than desired generation"
        )
    failure = condition(status, "ReplicaFailure")
    if failure and text(failure, "status") == "True":
        return Health(DEGRADED, text(failure, "message"))
    wanted, available = (
        number(mapping(body, "spec"), "replicas"),
        count(status, "availableReplicas"),
    )
    if wanted is not None and available < wanted:
        return Health(
            PROGRESSING, f"{waiting} {available} out of {wanted} new replicas are available..."
        )
    return Health(HEALTHY)


def job(body: Body) -> Health:
    """Failed, suspended, complete, or still running; the conditions' own messages."""
    found = {
        text(c, "type"): c
        for c in maps(mapping(body, "status"), "conditions")
        if text(c, "type") != "Suspended" or text(c, "status") == "True"
    }
    if "Failed" in found:
        return Health(DEGRADED, text(found["Failed"], "message"))
    if "Suspended" in found:
        return Health(SUSPENDED)
    if "Complete" in found:
        return Health(HEALTHY, text(found["Complete"], "message"))
    return Health(PROGRESSING)


def cron_job(body: Body) -> Health:
    """Degraded only when the last finished run failed; the words of Argo CD's bundled check."""
    if mapping(body, "spec").get("suspend") is True:
        return Health(HEALTHY, "CronJob is Suspended")
    if body.get("status") is None:
        return Health(PROGRESSING, "Waiting for CronJob")
    return _last_run(mapping(body, "status"))


def _last_run(status: Body) -> Health:
    scheduled, succeeded = text(status, "lastScheduleTime"), text(status, "lastSuccessfulTime")
    if not scheduled:
        said = "CronJob has not been scheduled yet"
    elif not succeeded:
        said = "The CronJob never completed successfully. It may not be healthy"
    elif maps(status, "active"):
        said = "The job is running. Its last execution may not have been successful"
    elif succeeded < scheduled:  # RFC 3339 times in UTC compare as text
        return Health(DEGRADED, "CronJob has not completed its last execution successfully")
    else:
        said = "CronJob has completed its last execution successfully"
    return Health(HEALTHY, said)


def pod(body: Body) -> Health:
    """By its containers where it restarts always, then by its phase."""
    status = mapping(body, "status")
    always = _restarts_always(body)
    errors = _waiting_errors(status) if always else []
    if errors:
        return Health(DEGRADED, ", ".join(errors))
    phase, message = text(status, "phase"), text(status, "message")
    if phase == "Failed":
        return Health(DEGRADED, message or _failure(status))
    if phase == "Running":
        return Health(_running(body, always=always), message)
    phases = {"Pending": PROGRESSING, "Succeeded": HEALTHY}
    return Health(phases.get(phase, HealthStatus.UNKNOWN), message)


def _restarts_always(body: Body) -> bool:
    if text(mapping(body, "spec"), "restartPolicy") == "Always":
        return True
    annotations = string_map(body, "annotations")
    asked = any(annotations.get(name) == "true" for name in IGNORE_RESTART_POLICY)
    return asked and not any(name in annotations for name in HOOK_ANNOTATIONS)


def is_error(reason: str) -> bool:
    """Whether a waiting container's reason is a failure: `ErrImagePull`, `CrashLoopBackOff`."""
    return reason.startswith("Err") or reason.endswith(("Error", "BackOff"))


def _waiting_errors(status: Body) -> list[str]:
    waiting = [
        mapping(container, "state", "waiting") for container in maps(status, "containerStatuses")
    ]
    return [text(w, "message") for w in waiting if is_error(text(w, "reason"))]


def _running(body: Body, *, always: bool) -> HealthStatus:
    """A running pod is judged by its readiness only where it restarts always."""
    if not always:
        # Such pods have an end, and are mostly hooks: not done until they succeed.
        ends = text(mapping(body, "spec"), "restartPolicy") in {"OnFailure", "Never"}
        return PROGRESSING if ends else HealthStatus.UNKNOWN
    status = mapping(body, "status")
    ready = condition(status, "Ready")
    if ready and text(ready, "status") == "True":
        return HEALTHY
    containers = maps(status, "containerStatuses")
    died = any(mapping(c, "lastState").get("terminated") is not None for c in containers)
    return DEGRADED if died else PROGRESSING


def _failure(status: Body) -> str:
    """The first message that explains a failed pod, init containers first."""
    for key in ("initContainerStatuses", "containerStatuses"):
        for container in maps(status, key):
            ended = mapping(container, "state", "terminated")
            exit_code = count(ended, "exitCode")
            if text(ended, "message"):
                return text(ended, "message")
            if text(ended, "reason") == "OOMKilled":
                return "OOMKilled"
            if exit_code:
                return f'container "{text(container, "name")}" failed with exit code {exit_code}'
    return ""
