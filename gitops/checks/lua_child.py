"""The process that runs health checks in Lua: `python -m gitops.checks.lua_child`.

In: frames on standard input, each a check's source and an object. Out: a frame each, with what the
check answered. Started and killed by `worker.py`; nothing else imports it. LuaJIT 2.1 reads Lua
5.1 with `goto`, as Argo CD's checks are written.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from lupa import luajit21

from gitops.checks.frames import serve

MEMORY_BYTES: Final = 64 << 20
"""What the checks of this process may hold; a fresh one is made after an error of memory."""


class LuaChecks:
    """Answers for one check and one object after another."""

    def __init__(self) -> None:
        self._runtime, self._run = _sandbox()

    def answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """`{said, parts}`: see `sandbox.lua`; `memory` where the check wanted too much of it."""
        try:
            body = self._runtime.table_from(for_lua(request["object"]), recursive=True)
            said, *parts = self._run(request["source"].encode(), body)
        except luajit21.LuaMemoryError:
            return self._renew()
        texts = [bytes.fromhex(part.decode()).decode(errors="replace") for part in parts]
        if said == b"error" and "not enough memory" in texts[0]:
            return self._renew()
        return {"said": said.decode(), "parts": texts}

    def _renew(self) -> dict[str, Any]:
        self._runtime, self._run = _sandbox()
        return {"said": "memory", "parts": [f"{MEMORY_BYTES >> 20} MiB"]}


def _sandbox() -> tuple[Any, Any]:
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


if __name__ == "__main__":
    serve(LuaChecks().answer, float(sys.argv[1]))
