"""Runs one program in a folder of its own, with a clean environment and limits.

In: an argument list, a folder, an environment. Out: what it printed. Called by Kustomize and Helm.
Limits on time, memory, output, files and processor time hold for the whole process group, which is
killed on every path. Where the system lets one, there is no network, and a program is killed with
the process that started it (both probed once).
"""

import contextlib
import functools
import os
import resource
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from shutil import which
from typing import IO, Final

from gitops.errors import RenderError

_CHUNK: Final = 64 * 1024
_ERROR_BYTES: Final = 16 * 1024
_TOLD_CHARACTERS: Final = 2000
_NO_MEMORY: Final = (
    "out of memory",
    "cannot allocate memory",
    "failed to reserve",
    "failed to create new os thread",
    "pthread_create failed",
)
"""How Go's runtime says that it got no memory, or no stack for a thread."""
_SHELL: Final = "/bin/sh"
_LAUNCHER: Final = (
    'read -r go && [ "$PPID" = "$0" ] && unset PWD OLDPWD SHLVL && exec "$@" </dev/null'
)
"""Waits for its parent to set limits, then becomes the program that its arguments name.

Limits that are set on a running program are too late for what it has started by then, and code of
ours between fork and exec is not safe beside other threads. So a shell waits there; it reads
nothing but this constant, and hands its arguments on as they are. At the end of its input, or with
another parent than the one that `$0` names, its own is dead and nothing runs. What a shell adds to
the environment is taken out: Kustomize may print each variable of it.
"""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one run of a tool may use.

    `memory_bytes` bounds the private writable memory of each process (RLIMIT_DATA: address space
    is no measure of a Go program); `file_bytes` one file; `output_bytes` what it prints.
    """

    wall_s: float = 60.0
    memory_bytes: int = 1 << 30
    output_bytes: int = 50 << 20
    file_bytes: int = 256 << 20
    open_files: int = 1024


@dataclass(slots=True)
class _Pipe:
    """What was read of a pipe, up to a limit; the rest is read and dropped."""

    limit: int
    kept: bytearray = field(default_factory=bytearray)
    full: bool = False

    def fill(self, descriptor: int) -> bool:
        """Read once; False at the end."""
        chunk = os.read(descriptor, _CHUNK)
        room = self.limit - len(self.kept)
        self.kept += chunk[:room]
        self.full = self.full or len(chunk) > room
        return bool(chunk)


@dataclass(slots=True)
class Sandbox:
    """Runs programs, as many at once as there are processors."""

    limits: Limits = field(default_factory=Limits)
    network: bool = False
    """Whether programs may use the network (remote references are allowed)."""
    _slots: threading.BoundedSemaphore = field(
        default_factory=lambda: threading.BoundedSemaphore(os.cpu_count() or 1)
    )

    @property
    def isolated(self) -> bool:
        """Whether programs really run without a network."""
        return not self.network and bool(_without_network())

    def run(self, arguments: Sequence[str], folder: Path, environment: Mapping[str, str]) -> bytes:
        """Run a program and give its standard output.

        Raises:
            RenderError: `failed` with what it wrote to standard error, or `limit`.
        """
        if any("\0" in argument for argument in arguments):
            raise RenderError(
                "a setting holds a NUL character", remedy="remove it", reason="failed"
            )
        with self._slots:
            process = subprocess.Popen(
                launched(arguments, os.getpid(), network=self.network),
                cwd=folder,
                env=dict(environment),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
            try:
                self._restrict(process.pid)
                with contextlib.suppress(BrokenPipeError):  # it ended, and says why
                    os.write(_open(process.stdin).fileno(), b"\n")
                output, errors = self._collect(process, Path(arguments[0]).name)
            finally:
                _kill(process)
        return self._judge(process.returncode, output, errors, arguments)

    def _restrict(self, pid: int) -> None:
        if sys.platform != "linux":
            return
        limits = self.limits
        seconds = int(limits.wall_s) + 5
        wanted = (
            (resource.RLIMIT_DATA, limits.memory_bytes),
            (resource.RLIMIT_FSIZE, limits.file_bytes),
            (resource.RLIMIT_NOFILE, limits.open_files),
            (resource.RLIMIT_CPU, seconds * (os.cpu_count() or 1)),
            (resource.RLIMIT_CORE, 0),
        )
        for which_limit, value in wanted:
            try:
                resource.prlimit(pid, which_limit, (value, value))
            except ProcessLookupError:
                return

    def _collect(self, process: subprocess.Popen[bytes], name: str) -> tuple[bytes, bytes]:
        """Read both pipes until they close; what exceeds a limit is never kept."""
        output, errors = _Pipe(self.limits.output_bytes), _Pipe(_ERROR_BYTES)
        deadline = time.monotonic() + self.limits.wall_s
        with selectors.DefaultSelector() as selector:
            for pipe, buffer in ((process.stdout, output), (process.stderr, errors)):
                selector.register(_open(pipe), selectors.EVENT_READ, buffer)
            while selector.get_map():
                left = deadline - time.monotonic()
                ready = selector.select(left) if left > 0 else []
                if not ready:
                    raise _limit(f"{name} ran longer than {self.limits.wall_s:g} s")
                for key, _ in ready:
                    if not key.data.fill(key.fd):
                        selector.unregister(key.fileobj)
                if output.full:
                    size = self.limits.output_bytes >> 20
                    raise _limit(f"{name} printed more than {size} MiB")
        self._wait(process, deadline, name)
        return bytes(output.kept), bytes(errors.kept)

    def _wait(self, process: subprocess.Popen[bytes], deadline: float, name: str) -> None:
        try:
            process.wait(timeout=max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            raise _limit(f"{name} ran longer than {self.limits.wall_s:g} s") from None

    def _judge(self, code: int, output: bytes, errors: bytes, arguments: Sequence[str]) -> bytes:
        if code == 0:
            return output
        name = Path(arguments[0]).name
        text = one_sentence(errors.decode("utf-8", "replace"))
        if any(sign in text.lower() for sign in _NO_MEMORY):
            raise _limit(f"{name} used more than {self.limits.memory_bytes >> 20} MiB of memory")
        if code == -signal.SIGXCPU:
            raise _limit(f"{name} used too much processor time")
        if len(text) > _TOLD_CHARACTERS:
            text = text[:_TOLD_CHARACTERS] + " …"
        raise RenderError(text or f"{name} ended with {code}", reason="failed")


def one_sentence(text: str) -> str:
    """What a tool said, on one line and without its advice that nobody here can follow."""
    lines = [line.strip() for line in text.splitlines()]
    kept = [line for line in lines if line and not line.startswith(("Use --debug", "# Warning:"))]
    return " ".join(kept).removeprefix("Error: ")


def launched(arguments: Sequence[str], parent: int, *, network: bool) -> list[str]:
    """The words that run a program once its standard input has one line, and end it with `parent`.

    `parent` must be the process that starts them, in a thread that lives until they have ended:
    Linux sends the signal when that thread ends. It comes before the shell, which looks whether the
    parent was dead by then; and after `unshare`, since a change of credentials would clear it.
    """
    words = () if network else _without_network()
    return [*words, *_with_parent(), _SHELL, "-c", _LAUNCHER, str(parent), *arguments]


def _without_network() -> tuple[str, ...]:
    """The words that run a program in an empty network namespace; none where that is forbidden."""
    return _probed("unshare", "--map-root-user", "--net", "--")


def _with_parent() -> tuple[str, ...]:
    """The words that kill a program when its parent ends; none where the system has none."""
    return _probed("setpriv", "--pdeathsig", "KILL", "--")


@functools.cache
def _probed(name: str, *options: str) -> tuple[str, ...]:
    """A program of util-linux with options, if it is here and can do that; else nothing."""
    program, true = which(name), which("true")
    if sys.platform != "linux" or program is None or true is None:
        return ()
    words = (program, *options)
    probe = subprocess.run(
        [*words, true], capture_output=True, check=False, stdin=subprocess.DEVNULL, timeout=60
    )
    return words if probe.returncode == 0 else ()


def _open(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:  # Popen was told to make it
        raise RenderError("the program has no pipes", reason="failed")
    return pipe


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End the whole group if its leader was not waited for yet, and close the pipes."""
    if process.returncode is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()


def _limit(message: str) -> RenderError:
    return RenderError(
        message, remedy="make the source smaller, or raise the render limits", reason="limit"
    )
