"""Health of objects, workloads and applications."""

from gitops.core.health.aggregate import WORSE, aggregate, culprit, is_ignored, is_worse
from gitops.core.health.pods import pod_reason, stale_image_warning, workload_health
from gitops.core.health.rules import health

__all__ = [
    "WORSE",
    "aggregate",
    "culprit",
    "health",
    "is_ignored",
    "is_worse",
    "pod_reason",
    "stale_image_warning",
    "workload_health",
]
