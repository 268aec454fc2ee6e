"""Workloads: selectors beside labels, restart policies, strategies, schedules, autoscalers.

In: the body of a built-in kind. Out: flaws that the API server would find too. Called by
`core/validation/validate.py`.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from gitops.core.manifests.metadata import Flaw
from gitops.core.validation.formats import schedule_flaw
from gitops.core.validation.pods import check_pod, template_labels
from gitops.core.validation.reading import at, mapping_at, rows, strings
from gitops.core.wording import Path, dotted, listed, shorten
from gitops.model.objects import Body, GroupKind

_TEMPLATE: Final[Path] = ("spec", "template")
_JOB: Final[Path] = ("spec", "jobTemplate", "spec")


def check_workload(body: Body, kind: GroupKind) -> Iterator[Flaw]:
    """Every rule that speaks about a kind."""
    for rule in _RULES.get((kind.group, kind.kind), ()):
        yield from rule(body)


def _pod(body: Body) -> Iterator[Flaw]:
    if body.get("spec") is None:
        yield _missing(("spec", "containers"), ())
    yield from check_pod(mapping_at(body, "spec"), ("spec",))


def _missing(path: Path, parent: Path) -> Flaw:
    return Flaw("missing-field", f"{dotted(path)} is missing", parent, of_key=bool(parent))


def _spec(*needed: str) -> Callable[[Body], Iterator[Flaw]]:
    """What a kind must have, where its schema does not require `spec` itself."""

    def check(body: Body) -> Iterator[Flaw]:
        if body.get("spec") is None:
            for name in needed:
                yield _missing(("spec", name), ())

    return check


def _template(
    path: Path, policies: tuple[str, ...], *, required: bool = False
) -> Callable[[Body], Iterator[Flaw]]:
    """The rules of a pod template whose restart policy must be one of some."""

    def check(body: Body) -> Iterator[Flaw]:
        where = (*path, "spec")
        template = at(body, *map(str, path))
        spec = at(template, "spec")
        if isinstance(template, Mapping) and spec is None:
            yield _missing((*where, "containers"), path)
        if not isinstance(spec, Mapping):
            return
        claims = frozenset(
            str(at(claim, "metadata", "name"))
            for _, claim in rows(body, "spec", "volumeClaimTemplates")
        )
        yield from check_pod(spec, where, claims)
        policy = spec.get("restartPolicy")
        if policy in (None, "") and required:
            state = "missing" if policy is None else "empty"
            message = f"{dotted(where)}.restartPolicy is {state}; write {listed(policies)}"
            yield Flaw("missing-field", message, where, of_key=True)
        elif isinstance(policy, str) and policy not in policies and policy in _POLICIES:
            message = (
                f'{dotted(where)}.restartPolicy cannot be "{policy}"; write {listed(policies)}'
            )
            yield Flaw("bad-value", message, (*where, "restartPolicy"))

    return check


_POLICIES: Final = ("Always", "OnFailure", "Never")


def _label_selector(body: Body) -> Iterator[Flaw]:
    """Deployments and their like: the selector must match the labels of the template."""
    template = at(body, "spec", "template")
    selector = at(body, "spec", "selector")
    if not isinstance(selector, Mapping) or not isinstance(template, Mapping):
        return
    wanted, labels = strings(selector.get("matchLabels")), template_labels(template)
    expressions = list(rows(selector, "matchExpressions"))
    if not wanted and not expressions and _is_empty(selector):
        yield Flaw("selector-mismatch", "spec.selector is empty", ("spec", "selector"), of_key=True)
    for key, value in wanted.items():
        if labels.get(key) != value:
            yield _mismatch(("spec", "selector", "matchLabels", key), key, value, labels)
    for place, expression in expressions:
        if not _holds(expression, labels):
            message = "spec.selector.matchExpressions do not match the labels of the template"
            yield Flaw("selector-mismatch", message, ("spec", "selector", *place))


def _is_empty(selector: Mapping[str, Any]) -> bool:
    return (
        not selector.get("matchLabels")
        and not selector.get("matchExpressions")
        and (not set(selector) - {"matchLabels", "matchExpressions"})
    )


def _map_selector(body: Body) -> Iterator[Flaw]:
    """ReplicationControllers: the selector, where there is one, must match too."""
    template = at(body, "spec", "template")
    if not isinstance(template, Mapping):
        return
    labels = template_labels(template)
    selector = strings(at(body, "spec", "selector"))
    for key, value in selector.items():
        if labels.get(key) != value:
            yield _mismatch(("spec", "selector", key), key, value, labels)
    if not selector and not labels:
        message = "spec.selector is missing, and the template has no labels to take it from"
        yield Flaw("selector-mismatch", message, ("spec",), of_key=True)


def _mismatch(path: Path, key: str, value: str, labels: Mapping[str, str]) -> Flaw:
    wanted = f"{shorten(key)}={shorten(value)}"
    has = f"{shorten(key)}={shorten(labels[key])}" if key in labels else "no such label"
    message = f"the selector wants {wanted}, but the template has {has}"
    return Flaw("selector-mismatch", message, path)


def _holds(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether labels satisfy an expression; what the schema refuses counts as satisfied."""
    key, values = str(expression.get("key")), expression.get("values")
    listed_values = values if isinstance(values, list) else []
    match expression.get("operator"):
        case "In":
            return labels.get(key) in listed_values
        case "NotIn":
            return labels.get(key) not in listed_values
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
        case _:
            return True


def _counts(*paths: Path) -> Callable[[Body], Iterator[Flaw]]:
    """Numbers that must not be negative."""

    def check(body: Body) -> Iterator[Flaw]:
        for path in paths:
            number = at(body, *map(str, path))
            if isinstance(number, int) and number < 0:
                yield Flaw("bad-value", f"{dotted(path)} must not be negative", path)

    return check


def _strategy(body: Body) -> Iterator[Flaw]:
    strategy = mapping_at(body, "spec", "strategy")
    rolling = strategy.get("rollingUpdate")
    path: Path = ("spec", "strategy", "rollingUpdate")
    if strategy.get("type") == "Recreate" and rolling is not None:
        message = "spec.strategy.rollingUpdate must not stand beside type Recreate"
        yield Flaw("bad-value", message, path, of_key=True)
    elif isinstance(rolling, Mapping):
        surge, unavailable = rolling.get("maxSurge"), rolling.get("maxUnavailable")
        if surge in _NOTHING and unavailable in _NOTHING:
            message = "spec.strategy.rollingUpdate: maxSurge and maxUnavailable cannot both be 0"
            yield Flaw("bad-value", message, path, of_key=True)


_NOTHING: Final = (0, "0", "0%")


def _schedule(body: Body) -> Iterator[Flaw]:
    schedule = at(body, "spec", "schedule")
    wrong = schedule_flaw(schedule) if isinstance(schedule, str) and schedule else None
    if wrong is not None:
        path: Path = ("spec", "schedule")
        yield Flaw("bad-value", f'spec.schedule "{shorten(str(schedule))}" {wrong}', path)


def _autoscaler(body: Body) -> Iterator[Flaw]:
    low, high = at(body, "spec", "minReplicas"), at(body, "spec", "maxReplicas")
    if isinstance(high, int) and high < 1:
        yield Flaw("bad-value", "spec.maxReplicas must be at least 1", ("spec", "maxReplicas"))
    elif isinstance(low, int) and isinstance(high, int) and low > high:
        message = f"spec.minReplicas {low} is more than spec.maxReplicas {high}"
        yield Flaw("bad-value", message, ("spec", "minReplicas"))


def _metrics(body: Body) -> Iterator[Flaw]:
    if body.get("apiVersion") != "autoscaling/v2":
        return
    for place, metric in rows(body, "spec", "metrics"):
        kind = metric.get("type")
        source = _METRICS.get(str(kind))
        found = metric.get(source) if source else None
        if source is not None and found is None:
            yield _missing((*place, source), place)
        target = mapping_at(found, "target")
        if target and not any(target.get(key) for key in _TARGETS):
            message = f"{dotted((*place, source or '', 'target'))} has no value above 0"
            yield Flaw("missing-field", message, (*place, source or "", "target"), of_key=True)


_METRICS: Final = {
    "Resource": "resource", "Pods": "pods", "Object": "object", "External": "external",
    "ContainerResource": "containerResource",
}  # fmt: skip
_TARGETS: Final = ("averageUtilization", "averageValue", "value")


def _target(body: Body) -> Iterator[Flaw]:
    target = mapping_at(body, "spec", "scaleTargetRef")
    path: Path = ("spec", "scaleTargetRef")
    if target.get("kind") in _APPS and "/" not in str(target.get("apiVersion") or ""):
        state = "must be apps/v1" if target.get("apiVersion") else "is missing; write apps/v1"
        message = f"spec.scaleTargetRef.apiVersion {state}"
        yield Flaw("bad-value", message, (*path, "apiVersion"))


_APPS: Final = ("Deployment", "ReplicaSet", "StatefulSet")


def _percents(*paths: Path) -> Callable[[Body], Iterator[Flaw]]:
    """Numbers that are not negative, or percentages."""

    def check(body: Body) -> Iterator[Flaw]:
        for path in paths:
            value = at(body, *map(str, path))
            if isinstance(value, str) and not (value[:-1].isdecimal() and value.endswith("%")):
                hint = "; remove the quotes" if value.isdecimal() else ", such as 25%"
                message = f'{dotted(path)} "{shorten(value)}" is no percentage{hint}'
                yield Flaw("bad-value", message, path)
            elif isinstance(value, int) and value < 0:
                yield Flaw("bad-value", f"{dotted(path)} must not be negative", path)

    return check


def _budget(body: Body) -> Iterator[Flaw]:
    spec = mapping_at(body, "spec")
    if spec.get("minAvailable") is not None and spec.get("maxUnavailable") is not None:
        message = "spec has both minAvailable and maxUnavailable; keep one"
        yield Flaw("bad-value", message, ("spec", "maxUnavailable"), of_key=True)


def _template_needed(body: Body) -> Iterator[Flaw]:
    """A ReplicationController's schema does not require its template; the server does."""
    if at(body, "spec", "template") is None:
        yield _missing(("spec", "template"), ("spec",) if "spec" in body else ())


def _top_template(body: Body) -> Iterator[Flaw]:
    if body.get("template") is None:
        yield _missing(("template", "spec", "containers"), ())


def _job_template(body: Body) -> Iterator[Flaw]:
    job = at(body, "spec", "jobTemplate")
    if isinstance(job, Mapping) and at(job, "spec") is None:
        yield _missing((*_JOB, "template"), ("spec", "jobTemplate"))


_ROLLING: Final[Path] = ("spec", "strategy", "rollingUpdate")
_NEEDED: Final = _spec("selector", "template")
_ALWAYS: Final = _template(_TEMPLATE, ("Always",))
_ONCE: Final = ("OnFailure", "Never")
_REPLICAS: Final = _counts(("spec", "replicas"))
_RULES: Final[Mapping[tuple[str, str], tuple[Callable[[Body], Iterator[Flaw]], ...]]] = {
    ("", "Pod"): (_pod,),
    ("", "PodTemplate"): (_template(("template",), _POLICIES), _top_template),
    ("", "ReplicationController"): (_ALWAYS, _map_selector, _REPLICAS, _template_needed),
    ("apps", "Deployment"): (
        _NEEDED,
        _ALWAYS,
        _label_selector,
        _strategy,
        _REPLICAS,
        _percents((*_ROLLING, "maxSurge"), (*_ROLLING, "maxUnavailable")),
    ),
    ("apps", "ReplicaSet"): (
        _spec("selector"),
        _ALWAYS,
        _label_selector,
        _REPLICAS,
        _template_needed,
    ),
    ("apps", "StatefulSet"): (_NEEDED, _ALWAYS, _label_selector, _REPLICAS),
    ("apps", "DaemonSet"): (_NEEDED, _ALWAYS, _label_selector),
    ("batch", "Job"): (
        _spec("template"),
        _template(_TEMPLATE, _ONCE, required=True),
    ),
    ("batch", "CronJob"): (
        _spec("schedule", "jobTemplate"),
        _template((*_JOB, "template"), _ONCE, required=True),
        _schedule,
        _job_template,
        _counts(("spec", "successfulJobsHistoryLimit"), ("spec", "failedJobsHistoryLimit")),
    ),
    ("autoscaling", "HorizontalPodAutoscaler"): (
        _spec("scaleTargetRef", "maxReplicas"),
        _autoscaler,
        _metrics,
        _target,
    ),
    ("policy", "PodDisruptionBudget"): (
        _budget,
        _percents(("spec", "minAvailable"), ("spec", "maxUnavailable")),
    ),
}
