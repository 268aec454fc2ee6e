"""The process that runs health checks and actions in Lua: `python -m gitops.checks.lua_child`.

In: frames on standard input, each a script's source and an object, for an action its parameters as
well. Out: a frame each, with what the script answered. Started and killed by `worker.py`; nothing
else imports it. LuaJIT 2.1 reads Lua 5.1 with `goto`, as Argo CD's scripts are written.
"""

import math
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from lupa import luajit21

from gitops.checks.frames import serve

MEMORY_BYTES: Final = 64 << 20
"""What the checks of this process may hold; a fresh one is made after an error of memory."""


class LuaChecks:
    """Answers for one check and one object after another."""

    def __init__(self) -> None:
        self._runtime, (self._run, self._evaluate) = _sandbox()

    def answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """`{said, parts}`: see `sandbox.lua`; `memory` where the check wanted too much of it."""
        try:
            body = self._table(request["object"])
            if "params" in request:
                return self._act(request["source"], body, self._table(request["params"]))
            said, *parts = self._run(request["source"].encode(), body)
        except luajit21.LuaMemoryError:
            return self._renew()
        return self._told(said, parts)

    def _table(self, value: Mapping[str, Any]) -> Any:
        return self._runtime.table_from(for_lua(value), recursive=True)

    def _act(self, source: str, body: Any, params: Any) -> dict[str, Any]:
        """`{said: "value", value}`, or an error as `answer` has it."""
        said, answer = self._evaluate(source.encode(), body, params)
        if said != b"value":
            return self._told(said, [answer])
        try:
            return {"said": "value", "value": from_lua(answer)}
        except UnreadableError as error:
            return {"said": "error", "parts": [str(error)]}

    def _told(self, said: bytes, parts: Sequence[bytes]) -> dict[str, Any]:
        texts = [bytes.fromhex(part.decode()).decode(errors="replace") for part in parts]
        if said == b"error" and "not enough memory" in texts[0]:
            return self._renew()
        return {"said": said.decode(), "parts": texts}

    def _renew(self) -> dict[str, Any]:
        self._runtime, (self._run, self._evaluate) = _sandbox()
        return {"said": "memory", "parts": [f"{MEMORY_BYTES >> 20} MiB"]}


def _sandbox() -> tuple[Any, tuple[Any, Any]]:
    runtime = luajit21.LuaRuntime(
        encoding=None,
        register_eval=False,
        register_builtins=False,
        unpack_returned_tuples=True,
        max_memory=MEMORY_BYTES,
    )
    return runtime, runtime.execute(Path(__file__).with_name("sandbox.lua").read_bytes())


def for_lua(value: Any) -> Any:
    """A JSON value as bytes for Lua, where a null is an absent field, and no item of a list."""
    if isinstance(value, str):
        return value.encode(errors="replace")
    if isinstance(value, dict):
        return {k.encode(errors="replace"): for_lua(v) for k, v in value.items()}
    if isinstance(value, list):
        return [for_lua(item) for item in value if item is not None]
    if isinstance(value, int) and not isinstance(value, bool):
        return float(value) if abs(value) >= _EXACT else value
    return value


_EXACT: Final = 1 << 53
_DEEPEST: Final = 100


class UnreadableError(Exception):
    """A script answered with what JSON cannot hold; the text says what."""


def from_lua(value: Any, depth: int = 0) -> Any:
    """A Lua value as JSON; a table is a list where its keys are 1 to n, else a mapping.

    An empty table is an empty mapping. Raises UnreadableError.
    """
    if depth > _DEEPEST:
        raise UnreadableError("its answer is nested too deeply, or holds itself")
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float) and math.isfinite(value):
        return value
    if luajit21.lua_type(value) != "table":
        raise UnreadableError("its answer holds what is no JSON: a function, or no number")
    items = dict(value.items())
    if items and items.keys() == set(range(1, len(items) + 1)):
        return [from_lua(items[index], depth + 1) for index in range(1, len(items) + 1)]
    return {_key(key): from_lua(item, depth + 1) for key, item in items.items()}


def _key(key: Any) -> str:
    return key.decode(errors="replace") if isinstance(key, bytes) else str(key)


if __name__ == "__main__":
    serve(LuaChecks().answer, float(sys.argv[1]))
