"""Health as JSON: a row of `gitops health`, and the status of an application."""

from collections.abc import Mapping
from typing import Any

from gitops.model.health import Health, HealthStatus
from gitops.model.objects import ObjectId
from gitops.wire.values import JsonObject, versioned_to_wire


def health_to_wire(health: Health) -> JsonObject:
    """`{status, message}`; `status` is null where no rule speaks about the kind."""
    return {
        "status": None if health.status is None else health.status.value,
        "message": health.message,
    }


def health_from_wire(value: Mapping[str, Any]) -> Health:
    """The health that `health_to_wire` wrote."""
    status = value["status"]
    return Health(None if status is None else HealthStatus(status), value["message"])


def health_row(identity: ObjectId, api_version: str, health: Health) -> JsonObject:
    """`{apiVersion, kind, namespace, name, status, message}`."""
    return versioned_to_wire(identity, api_version) | health_to_wire(health)
