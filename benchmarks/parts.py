"""The measurements, one function each: what is done, timed and counted, beside the floor.

Called by `__main__` in the order of `PARTS`; each leaves the fleet Synced.
"""

import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, Final

from benchmarks import floor
from benchmarks.ours import Ours
from benchmarks.plane import Following, Plane, Usage, forget_peak, pause, spent, total, usage
from benchmarks.progress import Bar
from benchmarks.reconcilers import Reconciler
from benchmarks.repository import Repository
from benchmarks.workload import OBJECTS, PATHS, Version, manifests, names, patches
from gitops import wiring

Result = dict[str, Any]
TIMEOUT_S: Final = 3600.0
FLOOR: Final = "floor"
NAMESPACE: Final = "bench"
BASE: Final = tuple(path.rpartition("/")[0] for path in PATHS)


@dataclass
class Bench:
    """One size and variant on one control plane."""

    plane: Plane
    repository: Repository
    reconciler: Reconciler
    url: str
    folder: Path
    count: int
    variant: str
    rounds: Mapping[str, int]
    rest_s: float
    bar: Bar
    asked: Mapping[str, int] = field(default_factory=dict)
    """What the Git server was asked so far."""
    label: int = 1
    image: int = 1
    mirror: Path = field(default_factory=Path)

    @property
    def version(self) -> Version:
        """What the repository holds everywhere."""
        return Version(self.label, self.image)

    @property
    def pid(self) -> int:
        """The service's process."""
        return next(iter(self.reconciler.processes().values()))

    def used(self) -> Usage:
        """What all of its processes have used."""
        return total(usage(pid) for pid in self.reconciler.processes().values())

    def render(self, name: str) -> list[str]:
        """The command that renders an application as its tool does; none for plain YAML."""
        if self.variant == "plain":
            return []
        tool = str(wiring.tools().path(self.variant))
        folder = str(self.folder / "work" / name)
        if self.variant == "kustomize":
            return [tool, "build", folder]
        return [tool, "template", folder, "--name-template", name, "--namespace", NAMESPACE]

    def counted(self, work: Callable[[], None]) -> Result:
        """Do it; what it cost in requests, renders, writes, processor time and memory."""
        self.plane.settle()
        before, mark, counts = self.used(), self.plane.mark(), self.reconciler.counts()
        git = dict(self.asked)
        for pid in self.reconciler.processes().values():
            forget_peak(pid)
        plane = self.plane.cpu()
        started = time.perf_counter()
        work()
        seconds = time.perf_counter() - started
        plane = spent(plane, self.plane.cpu())
        after, later = self.used(), self.reconciler.counts()
        requests = self.plane.requests(mark, self.reconciler.agent)
        return {
            "seconds": seconds,
            "cpu_s": after.cpu_s - before.cpu_s,
            "plane_cpu_s": plane,
            "peak_mib": after.peak_mib,
            "requests": dict(sorted(requests.items())),
            "git": {key: n - git.get(key, 0) for key, n in self.asked.items()},
            **{k: later[k] - n for k, n in counts.items() if k in ("writes", "renders")},
        }


def install(bench: Bench) -> Result:
    """From the push to all objects applied and recorded."""
    least = _least(bench)
    bench.bar.say("service")

    def work() -> None:
        bench.reconciler.begin()
        bench.reconciler.wait_synced("", bench.count, TIMEOUT_S)

    found = bench.counted(work)
    if isinstance(bench.reconciler, Ours):
        bench.reconciler.wait_ready()
    return _ratio(found, least, bench.count * OBJECTS)


def _least(bench: Bench) -> Result:
    """The floor of a push: every object's writes and, for Kustomize and Helm, the tools' runs."""
    bench.bar.say("floor")
    bench.plane.settle()
    plane = bench.plane.cpu()
    least = floor.run(
        "apply", bench.plane.target, patches=patches(bench.count, bench.version, FLOOR)
    )
    least["plane_cpu_s"] = spent(plane, bench.plane.cpu())
    commands = [bench.render(name) for name in names(bench.count)]
    if any(commands):
        bench.bar.say("floor: the tools")
        found = floor.run("tools", bench.plane.target, commands=commands)
        least |= {"tools_s": found["seconds"], "total_s": least["total_s"] + found["seconds"]}
    return least


def change_all(bench: Bench) -> Result:
    """From the webhook to all objects changed and recorded: one label on each of them."""
    bench.label += 1
    least = _least(bench)
    sha = bench.repository.push(bench.version)
    bench.bar.say("service")

    def work() -> None:
        bench.reconciler.pushed(sha)
        bench.reconciler.wait_synced(sha, bench.count, TIMEOUT_S)

    return _ratio(bench.counted(work), least, bench.count * OBJECTS)


def _ratio(found: Result, least: Result, objects: int) -> Result:
    return {
        **found,
        "floor": least,
        "ratio": found["seconds"] / least["total_s"],
        "cpu_ms_per_object": 1000 * found["cpu_s"] / objects,
    }


def change_one(bench: Bench) -> Result:
    """From the webhook to the write in the API server, one Deployment's image at a time."""
    chosen = _spread(bench, bench.rounds["change-one"])
    took: list[float] = []

    def work() -> None:
        with closing(bench.plane.follow(BASE[1].format(namespace=NAMESPACE))) as following:
            for number, name in enumerate(chosen):
                sha = bench.repository.push(Version(bench.label, 1000 + number), [name])
                started = time.perf_counter()
                bench.reconciler.pushed(sha)
                took.append(following.wait(name, _has_image(1000 + number)) - started)
                bench.reconciler.wait_synced(sha, 1, TIMEOUT_S)
                bench.bar.step(number + 1, len(chosen))

    found = bench.counted(work)
    rounds = []
    for number, name in enumerate(chosen):
        change = ["sh", "-c", f"cd {bench.folder}/work && git commit -q --allow-empty -m {number}"]
        push = ["git", "-C", f"{bench.folder}/work", "push", "-q", "origin", "main"]
        patch = _deployment(name, Version(bench.label, 1000 + number))
        commands = [command for command in (fetch(bench), bench.render(name)) if command]
        rounds.append({"before": [change, push], "commands": commands, "patch": patch})
    least = floor.run("single", bench.plane.target, rounds=rounds)["seconds"]
    return _spans(found, took, least)


def drift(bench: Bench) -> Result:
    """From a foreign write to its repair: the image of one Deployment at a time."""
    chosen = _spread(bench, bench.rounds["drift"])
    took: list[float] = []

    def work() -> None:
        with closing(bench.plane.follow(BASE[1].format(namespace=NAMESPACE))) as following:
            for number, name in enumerate(chosen):
                took.append(_repair(bench, following, name, number))
                bench.bar.step(number + 1, len(chosen))

    found = bench.counted(work)
    rounds = [
        {"commands": [], "patch": _deployment(name, Version(bench.label, 5000 + number))}
        for number, name in enumerate(chosen)
    ]
    least = floor.run("single", bench.plane.target, rounds=rounds)["seconds"]
    return _spans(found, took, least)


def _repair(bench: Bench, following: Following, name: str, number: int) -> float:
    """Write an image as somebody else; the seconds until ours is back."""
    path = PATHS[1].format(namespace=NAMESPACE, name=name)
    body = _containers(bench.plane.call("GET", path))
    wanted = body[0]["image"]
    body[0]["image"] = f"registry.example/evil:{number}"
    patch = {"spec": {"template": {"spec": {"containers": body}}}}
    broken = bench.plane.patch(path, patch)["metadata"]["generation"]
    started = time.perf_counter()

    def repaired(live: Mapping[str, Any]) -> bool:
        later = live["metadata"]["generation"] > broken
        return later and bool(_containers(live)[0]["image"] == wanted)

    return following.wait(name, repaired) - started


def _containers(live: Mapping[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = live["spec"]["template"]["spec"]["containers"]
    return found


def _has_image(image: int) -> Callable[[dict[str, Any]], bool]:
    return lambda live: bool(_containers(live)[0]["image"].endswith(f":v{image}"))


def _spans(found: Result, took: list[float], least: list[float]) -> Result:
    return {
        **found,
        "times": len(took),
        "p50_s": median(took),
        "p99_s": _percentile(took, 0.99),
        "floor": {"p50_s": median(least), "p99_s": _percentile(least, 0.99)},
        "ratio": median(took) / median(least),
        "ratio_p99": _percentile(took, 0.99) / median(least),
    }


def _percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def _spread(bench: Bench, wanted: int) -> list[str]:
    """So many applications, none twice, spread over all of them."""
    known = names(bench.count)
    wanted = min(wanted, len(known))
    return [known[index * len(known) // wanted] for index in range(wanted)]


def _deployment(name: str, version: Version) -> tuple[str, str]:
    text = manifests(name, version).split("---\n")[1]
    return PATHS[1].format(namespace=FLOOR, name=name), text


def fetch(bench: Bench) -> list[str]:
    """A bare fetch into a mirror of the floor's own."""
    if not bench.mirror.name:
        bench.mirror = bench.folder / "floor.git"
        command = ["git", "clone", "-q", "--mirror", bench.url, str(bench.mirror)]
        subprocess.run(command, check=True, capture_output=True)
    return ["git", "-C", str(bench.mirror), "fetch", "-q", "origin"]


def restart(bench: Bench) -> Result:
    """From the process's start to everything compared, with N applications in place."""
    bench.plane.settle()
    mark, git = bench.plane.mark(), dict(bench.asked)
    bench.bar.say("service")
    seconds = bench.reconciler.restart()
    counts, used = bench.reconciler.counts(), usage(bench.pid)
    requests = bench.plane.requests(mark, bench.reconciler.agent)
    lists = [f"{path.format(namespace=FLOOR)}?limit=500" for path in BASE]
    command = fetch(bench)
    started = time.perf_counter()
    floor.run("restart", bench.plane.target, fetch=command, lists=lists)
    least = time.perf_counter() - started
    return {
        "seconds": seconds,
        "cpu_s": used.cpu_s,
        "peak_mib": used.peak_mib,
        "requests": dict(sorted(requests.items())),
        "git": {key: n - git.get(key, 0) for key, n in bench.asked.items()},
        "writes": counts.get("writes", 0),
        "renders": counts.get("renders", 0),
        "synced": counts.get("synced", 0),
        "floor": {"seconds": least},
        "ratio": seconds / least,
    }


def nothing(bench: Bench) -> Result:
    """What a while of polling costs when nothing is new; then the memory at rest."""
    if isinstance(bench.reconciler, Ours):
        bench.bar.say("starting")
        bench.reconciler.restart(f"{bench.rest_s / 6:.0f}s")
    bench.bar.say(f"resting {bench.rest_s:.0f} s")
    found = bench.counted(lambda: pause(bench.rest_s))
    rest = usage(bench.pid)
    share = 100 * found["cpu_s"] / found["seconds"]
    return {**found, "core_percent": share, "rss_mib": rest.rss_mib}


PARTS: Final[Mapping[str, Callable[[Bench], Result]]] = {
    "install": install,
    "change-all": change_all,
    "change-one": change_one,
    "drift": drift,
    "restart": restart,
    "nothing": nothing,
}
THEIRS: Final = ("install", "change-all", "change-one")
"""What any reconciler can be asked: the others know of no drift, or tell nobody of a start."""
ROUNDS: Final = {"change-one": 30, "drift": 100}


def python() -> str:
    """The interpreter, for the report."""
    return sys.version.split()[0]
