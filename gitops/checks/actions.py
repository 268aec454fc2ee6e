"""Runs users' own actions in a process of their own, bounded like health checks.

In: a book of scripts, then objects, from any thread. Out: what they offer, and what an action makes
of them; implements the port `ActionScripts`.
"""

from collections.abc import Mapping
from typing import Any, Final

from gitops.checks.runner import plain
from gitops.checks.worker import StoppedError, Worker
from gitops.core.actions.scripts import (
    DISCOVERY,
    ActionBook,
    Scripts,
    effect_of,
    failed,
    offers_of,
)
from gitops.core.health.checks import lua_error
from gitops.model.acting import Effect, Offer, Scripted
from gitops.model.objects import Body

CPU_S: Final = 1.0
"""Processor time of one script on one object, as for a health check."""


class ActionRunner:
    """Answers of the scripts of a book."""

    def __init__(self, book: ActionBook, cpu_s: float = CPU_S) -> None:
        self._book = book
        self._lua = Worker("gitops.checks.lua_child", cpu_s)

    def offers(self, body: Body) -> Scripted:
        """See the port `ActionScripts`."""
        places, built_in = self._book.find(body)
        found: dict[str, Offer] = {}
        for scripts in places:
            where = f"{scripts.where}: {DISCOVERY}"
            answer = self._ask(scripts.discovery, body, {}, where)
            for offer in offers_of(answer, scripts):
                found.setdefault(offer.name, offer)
        return Scripted(tuple(found.values()), built_in)

    def run(self, name: str, body: Body, params: Mapping[str, str]) -> Effect | None:
        """See the port `ActionScripts`."""
        places, _ = self._book.find(body)
        scripts = next((one for one in places if name in one.actions), None)
        if scripts is None:
            return None
        where = _place(scripts, name)
        return effect_of(self._ask(scripts.actions[name], body, params, where), body, where)

    def _ask(self, source: str, body: Body, params: Mapping[str, str], where: str) -> Any:
        request = {"source": source, "object": plain(body), "params": dict(params)}
        try:
            answer = self._lua.ask(request)
        except StoppedError as error:
            raise failed(f"{where}: {error}") from error
        if answer["said"] == "memory":
            raise failed(f"{where}: used more than {answer['parts'][0]} of memory")
        if answer["said"] == "error":
            raise failed(lua_error(where, answer["parts"][0]))
        return answer["value"]

    def close(self) -> None:
        """See the port `ActionScripts`."""
        self._lua.close()


def _place(scripts: Scripts, name: str) -> str:
    return f"{scripts.where}: {name}"
