"""The floor: the least that any client pays for the same writes, on the same API server.

A process of its own, so that it shares nothing with what is measured: one job as JSON on standard
input, one line of JSON on standard output. Jobs: `apply` sends every object's one dry-run, then its
one server-side apply, with the best concurrency; `single` repeats a bare fetch, one dry-run and one
write; `tools` runs commands as many at a time as there are cores; `restart` imports a Kubernetes
client, fetches once, and lists each kind.
"""

import asyncio
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from benchmarks.targets import Target, open_session

CONCURRENCIES: Final = (8, 16, 32)
"""Each is tried on a part of the objects; the quickest does the rest."""
SAMPLE: Final = 96
QUERY: Final = "?fieldManager=floor&force=true"
DRY_RUN: Final = "&dryRun=All"
HEADERS: Final = {"Content-Type": "application/apply-patch+yaml", "Accept": "application/json"}

Patches = Sequence[Sequence[str]]


async def send(session: Any, target: Target, patches: Patches, query: str, width: int) -> float:
    """Send them with so many in flight; the seconds that it took."""
    rest = iter(patches)
    started = time.perf_counter()

    async def work() -> None:
        for path, body in rest:
            async with session.patch(
                target.url + path + query, data=body, headers=HEADERS
            ) as answer:
                content = await answer.read()
                if answer.status >= 300:  # noqa: PLR2004 - HTTP's
                    raise RuntimeError(content.decode()[:300])

    await asyncio.gather(*(work() for _ in range(width)))
    return time.perf_counter() - started


async def best_width(session: Any, target: Target, patches: Patches) -> int:
    """The concurrency at which dry-runs go quickest."""
    sample = patches[:SAMPLE]
    await send(session, target, sample[:8], QUERY + DRY_RUN, 8)
    found = {}
    for width in CONCURRENCIES:
        found[width] = await send(session, target, sample, QUERY + DRY_RUN, width)
    return min(found, key=lambda width: found[width])


async def apply(target: Target, patches: Patches) -> dict[str, Any]:
    """All dry-runs, then all applies."""
    async with open_session(target) as session:
        width = await best_width(session, target, patches)
        cpu = _cpu()
        dry_run_s = await send(session, target, patches, QUERY + DRY_RUN, width)
        apply_s = await send(session, target, patches, QUERY, width)
        return {
            "concurrency": width,
            "dry_run_s": dry_run_s,
            "apply_s": apply_s,
            "total_s": dry_run_s + apply_s,
            "cpu_s": _cpu() - cpu,
        }


async def single(target: Target, rounds: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """One after another: a round's commands (a fetch, a tool), one dry-run, one write."""
    took: list[float] = []
    async with open_session(target) as session:
        for one in rounds:
            for command in one.get("before", ()):
                await asyncio.to_thread(_command, command)
            started = time.perf_counter()
            for command in one["commands"]:
                await asyncio.to_thread(_command, command)
            await send(session, target, [one["patch"]], QUERY + DRY_RUN, 1)
            await send(session, target, [one["patch"]], QUERY, 1)
            took.append(time.perf_counter() - started)
    return {"seconds": took}


def tools(commands: Sequence[Sequence[str]]) -> dict[str, Any]:
    """Run each once, on all cores; the seconds that it took."""
    started = time.perf_counter()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for _ in pool.map(_command, commands):
            pass
    return {"seconds": time.perf_counter() - started}


async def listing(target: Target, paths: Sequence[str]) -> None:
    """List each kind once."""
    async with open_session(target) as session:
        for path in paths:
            async with session.get(target.url + path) as answer:
                json.loads(await answer.read())


def restart(target: Target, job: Mapping[str, Any]) -> dict[str, Any]:
    """What a process that only imports, fetches and lists would do; timed from outside."""
    __import__("kubernetes.aio.client")
    _command(job["fetch"])
    asyncio.run(listing(target, job["lists"]))
    return {}


def _command(arguments: Sequence[str]) -> None:
    subprocess.run(arguments, check=True, capture_output=True)


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Read the job, do it, tell what it took."""
    job = json.load(sys.stdin)
    target = Target(**job["target"])
    match job["kind"]:
        case "apply":
            result = asyncio.run(apply(target, job["patches"]))
        case "tools":
            result = tools(job["commands"])
        case "single":
            result = asyncio.run(single(target, job["rounds"]))
        case _:
            result = restart(target, job)
    json.dump(result, sys.stdout)


def run(kind: str, target: Target, **job: Any) -> dict[str, Any]:
    """Do a job in a process of its own."""
    root = Path(__file__).parent.parent
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.floor"],
        input=json.dumps({"kind": kind, "target": target.facts(), **job}),
        capture_output=True,
        text=True,
        check=False,
        cwd=root,
        env=dict(os.environ),
    )
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    result: dict[str, Any] = json.loads(done.stdout)
    return result


if __name__ == "__main__":
    main()
