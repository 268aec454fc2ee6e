"""Health of one object: the user's check, else a table kind -> small function, else conventions.

In: a live body, which may hold anything. Out: `Health`; its status is None where no rule speaks
about the object, Unknown where a rule cannot read it. Called by the engine and the command.
The rules, their order and their words are those of Argo CD (gitops-engine `pkg/health`); custom
resources without a check are read as kstatus reads them (`conventions.py`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from gitops.core.health import resources, workloads
from gitops.core.health.conventions import by_conventions
from gitops.core.health.fields import MalformedError
from gitops.model.health import Checked, Health, HealthStatus
from gitops.model.objects import Body, GroupKind, split_api_version

HOOK_FINALIZERS: Final = frozenset({
    "argocd.argoproj.io/hook-finalizer",
    "gitops.dev/hook-finalizer",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Rule:
    """The rule of a kind; `versions` are those that it can read, None for any.

    `called` is what messages call the kind.
    """

    judge: Callable[[Body], Health]
    versions: frozenset[str] | None = None
    called: str = ""


def _rule(judge: Callable[[Body], Health], *versions: str, called: str = "") -> Rule:
    return Rule(judge, frozenset(versions) or None, called)


RULES: Final[dict[GroupKind, Rule]] = {
    GroupKind("apps", "Deployment"): _rule(workloads.deployment, "v1"),
    GroupKind("apps", "StatefulSet"): _rule(workloads.stateful_set, "v1"),
    GroupKind("apps", "DaemonSet"): _rule(workloads.daemon_set, "v1"),
    GroupKind("apps", "ReplicaSet"): _rule(workloads.replica_set, "v1"),
    GroupKind("", "Pod"): _rule(workloads.pod, "v1"),
    GroupKind("batch", "Job"): _rule(workloads.job, "v1"),
    GroupKind("batch", "CronJob"): _rule(workloads.cron_job),
    GroupKind("", "Service"): _rule(resources.service, "v1"),
    GroupKind("networking.k8s.io", "Ingress"): _rule(resources.ingress),
    GroupKind("extensions", "Ingress"): _rule(resources.ingress),
    GroupKind("", "PersistentVolumeClaim"): _rule(resources.volume_claim, "v1"),
    GroupKind("autoscaling", "HorizontalPodAutoscaler"): _rule(
        resources.autoscaler, "v1", "v2beta1", "v2beta2", "v2", called="HPA"
    ),
    GroupKind("apiregistration.k8s.io", "APIService"): _rule(
        resources.api_service, "v1", "v1beta1"
    ),
    GroupKind("apiextensions.k8s.io", "CustomResourceDefinition"): _rule(resources.definition),
    GroupKind("argoproj.io", "Workflow"): _rule(resources.workflow),
}


Check = Callable[[Body], Checked | None]
"""What users have checks for; None where they have none for an object, or it says nothing."""


def _no_check(_: Body) -> None:
    return None


def health(body: Any, check: Check = _no_check) -> Health:
    """Judge one object; never raises, whatever it holds.

    An object that is being deleted is Progressing ("Pending deletion"), unless only a hook's
    finalizer keeps it or its check has a message for that. A check wins over the rule of the kind.
    """
    if not isinstance(body, Mapping):
        return Health(None)
    checked = check(body)
    if is_deleting(body):
        return _deleting(checked)
    return checked.health if checked is not None else _built_in(body)


def _deleting(checked: Checked | None) -> Health:
    if checked is None or not checked.deletion_message:
        return Health(HealthStatus.PROGRESSING, "Pending deletion")
    return Health(checked.health.status or HealthStatus.PROGRESSING, checked.deletion_message)


def _built_in(body: Body) -> Health:
    group, version = split_api_version(_word(body, "apiVersion"))
    kind = _word(body, "kind")
    rule = RULES.get(GroupKind(group, kind))
    if rule is None:
        return by_conventions(group, body)
    called = rule.called or kind
    if rule.versions is not None and version not in rule.versions:
        said = f"unsupported {called} GVK: {group}/{version}, Kind={kind}"
        return Health(HealthStatus.UNKNOWN, said)
    try:
        return rule.judge(body)
    except MalformedError as error:
        said = f"failed to convert unstructured {called} to typed: {error}"
        return Health(HealthStatus.UNKNOWN, said)


def _word(body: Body, key: str) -> str:
    value = body.get(key)
    return value if isinstance(value, str) else ""


def is_deleting(body: Body) -> bool:
    """Whether an object has a deletionTimestamp and is no hook that is kept for its result."""
    metadata = body.get("metadata")
    if not isinstance(metadata, Mapping) or not metadata.get("deletionTimestamp"):
        return False
    finalizers = metadata.get("finalizers")
    finalizers = finalizers if isinstance(finalizers, list | tuple) else ()
    return not any(isinstance(f, str) and f in HOOK_FINALIZERS for f in finalizers)
