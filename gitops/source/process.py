"""One git process: a clean environment, bounds on time and output, no secret in its arguments.

Arguments and environment come in, status and output go out; `mirror`, `repositories` and `reader`
call it. Processes are started through GitPython in a session of their own, so that a timeout ends
everything that git started.
"""

import contextlib
import os
import selectors
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

# GitPython looks for git when it is imported and raises where there is none; the first command
# tells it in a sentence instead.
os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")

from git import Git, GitCommandNotFound  # must follow the line above

from gitops.errors import SourceError  # must follow the line above

STDERR_BYTES = 64 * 1024
GRACE_S = 2.0

_CONFIG = {
    # Nothing of the repository, the user or the system may run a program or change an answer.
    "core.hooksPath": "/dev/null",
    "core.fsmonitor": "false",
    "core.fsync": "committed",
    "protocol.ext.allow": "never",
    "credential.helper": "",
    "credential.interactive": "false",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "init.defaultBranch": "main",
    "advice.defaultBranchName": "false",
    "fetch.writeCommitGraph": "false",
    "fetch.recurseSubmodules": "false",
    "transfer.bundleURI": "false",
    "http.followRedirects": "initial",
    "safe.directory": "*",
}

_ENVIRONMENT = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    # Empty, so that neither a desktop's nor OpenSSH's dialogue is asked.
    "GIT_ASKPASS": "",
    "SSH_ASKPASS": "",
    "SSH_ASKPASS_REQUIRE": "never",
    "GIT_ALLOW_PROTOCOL": "file:http:https:ssh",
    "GIT_OPTIONAL_LOCKS": "0",
    "LC_ALL": "C",
    "LANGUAGE": "C",
}


# Certificate authorities that the service's operator trusts in general.
_INHERITED = ("GIT_SSL_CAINFO", "GIT_SSL_CAPATH")


@dataclass(frozen=True, slots=True)
class Result:
    """How a command ended; `stderr` is decoded and holds its last 64 KiB."""

    status: int
    stdout: bytes
    stderr: str


@dataclass(frozen=True, slots=True)
class Bounds:
    """Seconds and bytes of standard output that one command may use."""

    timeout_s: float
    output_bytes: int


class ProcessTimeoutError(Exception):
    """A command was still running at its deadline, and was ended."""


class OutputLimitError(Exception):
    """A command printed more than it may, and was ended."""


def environment(config: Mapping[str, str], home: Path) -> dict[str, str]:
    """The variables of one command: `config` goes into them, so that it is in no argument list.

    `home` is an empty folder: neither `~/.netrc` nor the user's git configuration takes part.
    """
    settings = {**_CONFIG, **config}
    found = {**_ENVIRONMENT, "HOME": str(home), "XDG_CONFIG_HOME": str(home)}
    # Commands start in `home`: a repository around it must not lend its configuration.
    found["GIT_CEILING_DIRECTORIES"] = str(home.parent)
    found["GIT_CONFIG_COUNT"] = str(len(settings))
    for number, (key, value) in enumerate(settings.items()):
        found[f"GIT_CONFIG_KEY_{number}"] = key
        found[f"GIT_CONFIG_VALUE_{number}"] = value
    return found


def _command(arguments: Sequence[str], given: Mapping[str, str]) -> list[str]:
    """Unset what this process inherited from a git around it (a hook's GIT_DIR, traces).

    GitPython always passes the environment on, and some variables count by being set at all.
    """
    inherited = [
        name
        for name in sorted(os.environ)
        if name.startswith("GIT_") and name not in given and name not in _INHERITED
    ]
    unset = [part for name in inherited for part in ("-u", name)]
    return [*(["env", *unset] if unset else []), "git", *arguments]


class GitRunner:
    """Starts git; knows what runs, so that `close` can end it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._running: set[int] = set()
        self._lock = threading.Lock()
        self._closed = False

    def start(
        self,
        arguments: Sequence[str],
        variables: Mapping[str, str],
        *,
        interactive: bool = False,
        hold: int | None = None,
    ) -> "Git.AutoInterrupt":
        """Start git; standard input is a pipe when `interactive`, else empty.

        `hold` is a locked file that git keeps open: if this process is killed, the lock lasts until
        git has ended, too.
        """
        if self._closed:
            raise SourceError("git is not started any more: the service is stopping")
        try:
            process = Git(self.home).execute(
                _command(arguments, variables),
                istream=subprocess.PIPE if interactive else None,
                as_process=True,
                env=variables,
                start_new_session=True,
                pass_fds=() if hold is None else (hold,),
            )
        except GitCommandNotFound as error:
            raise SourceError(
                "git was not found on PATH",
                remedy="install git 2.31 or newer",
                reason="unreachable",
            ) from error
        except OSError as error:
            raise SourceError(f"git could not be started: {error.strerror}") from error
        with self._lock:
            self._running.add(process.pid)
        return process

    def run(
        self,
        arguments: Sequence[str],
        variables: Mapping[str, str],
        bounds: Bounds,
        feed: bytes = b"",
        hold: int | None = None,
    ) -> Result:
        """Run git to its end; `hold` as in `start`.

        Raises:
            ProcessTimeoutError: it took longer than its bound.
            OutputLimitError: it printed more than its bound.
        """
        process = self.start(arguments, variables, interactive=bool(feed), hold=hold)
        try:
            if feed:
                # All that is fed is small enough for a pipe, or read by git as it comes.
                with contextlib.suppress(BrokenPipeError):
                    process.stdin.write(feed)
                    process.stdin.close()
            output, errors = _pump(process.stdout, process.stderr, bounds)
            # Both pipes may be closed by a process that goes on.
            status = _wait(process)
        except BaseException:
            self.end(process)
            raise
        finally:
            self.forget(process)
        return Result(status, output, errors.decode(errors="replace"))

    def end(self, process: "Git.AutoInterrupt") -> None:
        """End a process and all that it started: asked first, so that git removes its locks."""
        child = process.proc
        if child is None:
            return
        for sign in (signal.SIGTERM, signal.SIGKILL):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(child.pid, sign)
            try:
                child.wait(timeout=GRACE_S)
            except subprocess.TimeoutExpired:
                continue
            # What git had started may outlive it: the group is ended for good.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(child.pid, signal.SIGKILL)
            return

    def forget(self, process: "Git.AutoInterrupt") -> None:
        """Close a process's pipes and stop counting it as running."""
        child = process.proc
        if child is not None:
            with self._lock:
                self._running.discard(child.pid)
            for stream in (child.stdin, child.stdout, child.stderr):
                if stream is not None:
                    with contextlib.suppress(OSError):
                        stream.close()

    def close(self) -> None:
        """End every command that runs; none is started afterwards."""
        with self._lock:
            self._closed = True
            running = list(self._running)
        for pid in running:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(pid, signal.SIGTERM)


def _wait(process: "Git.AutoInterrupt") -> int:
    try:
        return int(process.proc.wait(timeout=GRACE_S)) if process.proc else -1
    except subprocess.TimeoutExpired as error:
        raise ProcessTimeoutError from error


def _pump(stdout: IO[bytes], stderr: IO[bytes], bounds: Bounds) -> tuple[bytes, bytes]:
    deadline = time.monotonic() + bounds.timeout_s
    output, errors = bytearray(), bytearray()
    with selectors.DefaultSelector() as selector:
        selector.register(stdout, selectors.EVENT_READ, output)
        selector.register(stderr, selectors.EVENT_READ, errors)
        while selector.get_map():
            left = deadline - time.monotonic()
            ready = selector.select(max(left, 0))
            if not ready and left <= 0:
                raise ProcessTimeoutError
            for key, _ in ready:
                chunk = os.read(key.fd, 65536)
                key.data.extend(chunk)
                if not chunk:
                    selector.unregister(key.fileobj)
            if len(output) > bounds.output_bytes:
                raise OutputLimitError
            del errors[:-STDERR_BYTES]
    return bytes(output), bytes(errors)
