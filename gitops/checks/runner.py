"""Runs the user's health checks in processes of their own: one for Lua, one for CEL.

In: a book of checks, then bodies, from any thread. Out: verdicts; implements the port
`HealthChecks`. A check that was ended at its limits three times by objects of one namespace is not
run there any more: what one tenant makes of its objects costs no other one their health.
"""

import threading
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

import orjson

from gitops.checks.worker import StoppedError, Worker
from gitops.core.health.checks import (
    CelCheck,
    Check,
    CheckBook,
    LuaCheck,
    judge_cel,
    judge_generation,
    judge_lua,
    own_check,
    unknown,
)
from gitops.model.application import HealthExpressions
from gitops.model.health import Checked
from gitops.model.objects import Body, identify

STRIKES: Final = 3
CPU_S: Final = 1.0
"""Processor time of one check on one object; Argo CD gives a script one second too."""


class CheckRunner:
    """Answers of the checks of a book."""

    def __init__(self, book: CheckBook, cpu_s: float = CPU_S) -> None:
        self._book = book
        self._lua = Worker("gitops.checks.lua_child", cpu_s)
        self._cel = Worker("gitops.checks.cel_child", cpu_s)
        self._stopped: Counter[tuple[Check, str]] = Counter()
        self._lock = threading.Lock()

    def check(self, body: Body, own: tuple[HealthExpressions, ...] = ()) -> Checked | None:
        """See the port `HealthChecks`."""
        found = own_check(own, body) or self._book.find(body)
        if found is None:
            return None
        here = identify(body).namespace
        with self._lock:
            strikes = self._stopped[found, here]
        if strikes >= STRIKES:
            again = f"is not run any more in this namespace, for it {_LIMITS} {strikes} times"
            return unknown(f"{found.where}: {again}")
        try:
            return self._run(found, body)
        except StoppedError as error:
            with self._lock:
                self._stopped[found, here] += 1
            return unknown(f"{found.where}: {error}")

    def _run(self, found: Check, body: Body) -> Checked | None:
        match found:
            case LuaCheck():
                answer = self._lua.ask({"source": found.source, "object": plain(body)})
                if answer["said"] == "memory":
                    raise StoppedError(f"used more than {answer['parts'][0]} of memory")
                return judge_lua(found, answer["said"], answer["parts"])
            case CelCheck():
                waits = judge_generation(body)
                if waits is not None:
                    return waits
                expressions = {
                    "inProgress": found.in_progress,
                    "failed": found.failed,
                    "current": found.current,
                }
                answer = self._cel.ask({"expressions": expressions, "object": plain(body)})
                return judge_cel(found, answer["said"], answer["parts"], body)

    def close(self) -> None:
        """See the port `HealthChecks`."""
        self._lua.close()
        self._cel.close()


_LIMITS: Final = "was ended at its limits"


def plain(body: Body) -> orjson.Fragment:
    """An object as JSON; a number that JSON cannot hold comes as a float. Raises StoppedError."""
    try:
        return orjson.Fragment(orjson.dumps(body))
    except TypeError:
        pass
    try:
        return orjson.Fragment(orjson.dumps(_small(body)))
    except (TypeError, RecursionError, OverflowError) as error:
        raise StoppedError("cannot be asked about this object: it is nested too deeply") from error


def _small(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {_small(str(key)): _small(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_small(item) for item in value]
    if isinstance(value, int) and not isinstance(value, bool):
        return value if abs(value) < _INT64 else float(value)
    if isinstance(value, str):
        return value.encode(errors="replace").decode()
    return value


_INT64: Final = 2**63
