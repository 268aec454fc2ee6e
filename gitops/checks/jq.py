"""Finds the places of objects that jq expressions name, in a process of its own.

In: expressions of ignore rules, and bodies, from any thread. Out: pointers; a `PathFinder`. Called
by the comparison through `DiffOptions`.
"""

from collections.abc import Sequence
from typing import Final

from gitops.checks.runner import plain
from gitops.checks.worker import StoppedError, Worker
from gitops.core.path_rules import refused_expression
from gitops.core.pointers import Pointer
from gitops.model.objects import Body

CPU_S: Final = 1.0
"""Processor time for one object's rules; Argo CD gives an expression one second."""


class JqPaths:
    """One process, started when it is first asked."""

    def __init__(self, cpu_s: float = CPU_S) -> None:
        self._worker = Worker("gitops.checks.jq_child", cpu_s)

    def __call__(self, expressions: Sequence[str], bodies: Sequence[Body]) -> list[list[Pointer]]:
        """See `PathFinder`."""
        request = {"expressions": list(expressions), "objects": [plain(body) for body in bodies]}
        try:
            answer = self._worker.ask(request)
        except StoppedError as error:
            raise refused_expression(", ".join(expressions), str(error)) from error
        if "refused" in answer:
            raise refused_expression(answer["refused"], f"cannot be read: {answer['why']}")
        return [[tuple(path) for path in places] for places in answer["places"]]

    def close(self) -> None:
        """End the process."""
        self._worker.close()
