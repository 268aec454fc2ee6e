"""Health of an object and of an application."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class HealthStatus(StrEnum):
    """The six answers; worst last in `core.health.WORSE`."""

    HEALTHY = "Healthy"
    SUSPENDED = "Suspended"
    PROGRESSING = "Progressing"
    MISSING = "Missing"
    DEGRADED = "Degraded"
    UNKNOWN = "Unknown"


GOOD: Final = (None, HealthStatus.HEALTHY, HealthStatus.SUSPENDED)
"""Nothing is left to wait for: also where no rule speaks about a kind."""


@dataclass(frozen=True, slots=True)
class Health:
    """A status with the message that explains it ("" when there is nothing to say).

    `status` is None where no rule speaks about the kind: it then does not count.
    """

    status: HealthStatus | None
    message: str = ""


@dataclass(frozen=True, slots=True)
class Checked:
    """What a health check of the user's said of an object.

    `deletion_message` is what it says of one that is being deleted; "" where it says nothing.
    """

    health: Health
    deletion_message: str = ""
