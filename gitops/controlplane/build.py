"""The binaries of the control plane: found in the cache, else built once from pinned Go modules.

In: `go.mod` and `go.sum` beside this file. Out: `Binaries`. Callers: `processes.py`, the command
line and wiring (which hands kubectl, kustomize and helm to the renderer).

A pin names a build by what went into it. Built is in a temporary directory and renamed, so that a
pin's directory is always whole; a file lock lets one builder work at a time.
"""

import fcntl
import hashlib
import os
import platform
import select
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Final

from gitops.controlplane import toolchain
from gitops.controlplane.progress import Progress, Step, count_line, silent
from gitops.errors import ControlPlaneError

KUBERNETES_VERSION: Final = "v1.36.3"
MODULE: Final = Path(__file__).parent
FLAGS: Final = (
    "-trimpath",
    "-ldflags",
    f"-s -w -X k8s.io/component-base/version.gitVersion={KUBERNETES_VERSION}",
)
FILES: Final = {
    "kube-apiserver": "kube-apiserver",
    "kube-controller-manager": "kube-controller-manager",
    "kube-scheduler": "kube-scheduler",
    "etcd": "server",  # Go names a program after its package
    "kwok": "kwok",
    "kubectl": "kubectl",
    "kustomize": "kustomize",
    "helm": "helm",
}
USER_TOOLS: Final = ("kubectl", "kustomize", "helm")
"""Tools that people have on their PATH; theirs are used unless ours are asked for."""

TICK_S: Final = 1.0

OWN_TOOLS_VARIABLE: Final = "GITOPS_EMBEDDED_TOOLS"
"""Set to 1, our own kubectl, kustomize and helm are used whatever PATH holds."""


@dataclass(frozen=True, slots=True)
class Binaries:
    """Where every program is; `origin` says `embedded` or `path` for kubectl, kustomize, helm."""

    directory: Path
    kube_apiserver: Path
    kube_controller_manager: Path
    kube_scheduler: Path
    etcd: Path
    kwok: Path
    kubectl: Path
    kustomize: Path
    helm: Path
    origin: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, directory: Path, tools: Mapping[str, Path] | None = None) -> "Binaries":
        """The programs of one directory; `tools` names kubectl, kustomize, helm from elsewhere."""
        own = {name.replace("-", "_"): directory / file for name, file in FILES.items()}
        others = {} if tools is None else dict(tools)
        origin = {name: "path" if name in others else "embedded" for name in USER_TOOLS}
        return cls(directory=directory, origin=origin, **(own | others))


def cache_directory(env: Mapping[str, str] | None = None) -> Path:
    """`$XDG_CACHE_HOME/gitops`, else `~/.cache/gitops`."""
    values = os.environ if env is None else env
    base = values.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "gitops"


@cache
def pin() -> str:
    """Sixteen hex digits over go.mod, go.sum, the flags and the platform."""
    return pin_of(
        (MODULE / "go.mod").read_bytes(),
        (MODULE / "go.sum").read_bytes(),
        (*FLAGS, platform.system(), platform.machine()),
    )


def pin_of(go_mod: bytes, go_sum: bytes, flags: tuple[str, ...]) -> str:
    """The pin of given parts; each is hashed with its length, so that none runs into another."""
    digest = hashlib.sha256()
    for part in (go_mod, go_sum, *(flag.encode() for flag in flags)):
        digest.update(f"{len(part)}:".encode())
        digest.update(part)
    return digest.hexdigest()[:16]


def find_tool(name: str, *, embedded: bool | None = None) -> Path | None:
    """kubectl, kustomize or helm: the user's on PATH, else ours if it is built; never builds.

    `embedded=True` takes ours only; None asks the environment variable `GITOPS_EMBEDDED_TOOLS`.
    """
    if not _wants_own(embedded=embedded):
        found = shutil.which(name)
        if found:
            return Path(found)
    own = cache_directory() / pin() / FILES[name]
    return own if own.exists() else None


def find(*, embedded: bool | None = None) -> Binaries | None:
    """The binaries of our pin, if they are built."""
    directory = cache_directory() / pin()
    if not all((directory / file).exists() for file in FILES.values()):
        return None
    found = {name: find_tool(name, embedded=embedded) for name in USER_TOOLS}
    others = {name: path for name, path in found.items() if path and path.parent != directory}
    return Binaries.of(directory, others)


def find_or_build(progress: Progress = silent, *, embedded: bool | None = None) -> Binaries:
    """The binaries of our pin, built first where they are missing (minutes, once).

    `embedded` chooses kubectl, kustomize and helm as in `find_tool`.
    Raises ControlPlaneError `no-go`, `network`, `disk-full` or `build`.
    """
    found = find(embedded=embedded)
    if found is not None:
        return found
    home = cache_directory()
    try:
        home.mkdir(parents=True, exist_ok=True)
        with _lock(home / f"{pin()}.lock", progress):
            found = find(embedded=embedded)
            if found is None:
                _build(home, progress)
    except OSError as error:
        raise toolchain.fault(str(error), "the control plane cannot be built") from error
    built = find(embedded=embedded)
    if built is None:
        raise ControlPlaneError("the build ended without all programs", reason="build")
    return built


def _wants_own(*, embedded: bool | None) -> bool:
    if embedded is not None:
        return embedded
    return os.environ.get(OWN_TOOLS_VARIABLE, "") not in {"", "0", "false"}


@contextmanager
def _lock(path: Path, progress: Progress) -> Iterator[None]:
    """Hold a file lock; says so where another builder has it."""
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress(Step("waiting for another build to end"))
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _build(home: Path, progress: Progress) -> None:
    """Build into a temporary directory beside the pin's, then rename it."""
    env = toolchain.environment(home)
    wanted = toolchain.wanted_version((MODULE / "go.mod").read_text())
    go = toolchain.find_go(wanted, home, env, progress)
    for left in home.glob(f"{pin()}.partial-*"):  # a builder was killed: we hold its lock
        shutil.rmtree(left, ignore_errors=True)
    partial = home / f"{pin()}.partial-{os.getpid()}"
    try:
        partial.mkdir()
        progress(Step("reading the modules"))
        total = _count_packages(go, env, progress)
        output = _run_go_build(go, partial, env, (progress, total))
        if output is not None and "cgo" in output:  # a C compiler that does not work
            env["CGO_ENABLED"] = "0"
            output = _run_go_build(go, partial, env, (progress, total))
        if output is not None:
            raise toolchain.fault(output, "the control plane cannot be built")
        partial.replace(home / pin())
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _count_packages(go: Path, env: Mapping[str, str], progress: Progress) -> int:
    """How many packages have to be compiled; downloads the modules that are missing."""
    command = [str(go), "list", *FLAGS, "-deps", "-f", "{{if .Stale}}{{.ImportPath}}{{end}}"]
    with subprocess.Popen(
        [*command, "tool"],
        cwd=MODULE,
        env=env,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as process:
        lines: list[str] = []
        for line in process.stdout or ():
            lines.append(line.rstrip())
            if lines[-1].startswith("go: "):
                progress(count_line(Step("reading the modules"), lines[-1]))
    if process.returncode != 0:
        raise toolchain.fault("\n".join(lines), "the control plane cannot be built")
    return sum(1 for line in lines if line and not line.startswith("go: "))


def _run_go_build(
    go: Path, target: Path, env: Mapping[str, str], shown: tuple[Progress, int]
) -> str | None:
    """Run `go build`; None where it ended well, else what it printed."""
    progress, total = shown
    started = time.monotonic()
    step = Step("compiling", total=total, programs=len(FILES))
    command = [str(go), "build", "-v", *FLAGS, "-o", f"{target}{os.sep}", "tool"]
    kept: list[str] = []
    with subprocess.Popen(
        command, cwd=MODULE, env=env, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL
    ) as process:
        for line in _lines(process):
            counted = count_line(step, line)
            if counted.done == step.done:
                kept.append(line)
            linked = sum(1 for _ in target.iterdir())
            step = replace(counted, elapsed_s=time.monotonic() - started, linked=linked)
            if step.done >= step.total:
                step = replace(step, text="linking")
            progress(step)
    return None if process.returncode == 0 else "\n".join(kept[-50:])


def _lines(process: subprocess.Popen[bytes]) -> Iterator[str]:
    """Lines of standard error as they come; "" each second without one: links are silent."""
    if process.stderr is None:  # pragma: no cover - we asked for a pipe
        return
    rest = b""
    while True:
        if not select.select([process.stderr], [], [], TICK_S)[0]:
            yield ""
            continue
        chunk = os.read(process.stderr.fileno(), 65536)
        if not chunk:
            break
        *whole, rest = (rest + chunk).split(b"\n")
        yield from (line.decode(errors="replace").rstrip() for line in whole)
    if rest:
        yield rest.decode(errors="replace")
