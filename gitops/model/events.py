"""What happened, as a value: the log, `gitops events` and the streams all show the same one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened; `sequence` grows by one from each service start."""

    sequence: int
    at: datetime
    application: str
    kind: str
    message: str
    revision: int | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
