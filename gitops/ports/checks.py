"""Health checks that users bring, run at the edge."""

from typing import Protocol

from gitops.model.application import HealthExpressions
from gitops.model.health import Checked
from gitops.model.objects import Body


class HealthChecks(Protocol):
    """What users have checks for. Never raises: what a check cannot tell is Unknown, and why."""

    def check(self, body: Body, own: tuple[HealthExpressions, ...] = ()) -> Checked | None:
        """What the check for an object's kind says; None where there is none, or it is silent.

        `own` are the expressions of the object's application; they win.
        """

    def close(self) -> None:
        """End what runs checks; may be called twice."""
