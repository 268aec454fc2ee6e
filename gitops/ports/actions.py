"""Actions that users bring, run at the edge."""

from collections.abc import Mapping
from typing import Protocol

from gitops.model.acting import Effect, Scripted
from gitops.model.objects import Body


class ActionScripts(Protocol):
    """What users have scripts for. Raises InputError where a script breaks."""

    def offers(self, body: Body) -> Scripted:
        """The actions that an object's kind has by scripts, as the object stands now."""

    def run(self, name: str, body: Body, params: Mapping[str, str]) -> Effect | None:
        """What an action makes of an object; None where no script defines it."""

    def close(self) -> None:
        """End what runs scripts; may be called twice."""
