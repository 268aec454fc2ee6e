"""A process beside ours that runs health checks, so that no check can stop or swell the service.

In: a request. Out: its answer, or why there is none. Started when it is first asked, again after
it was ended at a limit; it ends when its input does. Called by `runner.py`.
"""

import contextlib
import os
import selectors
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import IO, Any, Final

import orjson

from gitops.checks.frames import read_frame, write_frame

_WALL_S: Final = 60.0
"""How long an answer is waited for: far beyond the processor time, on a machine that stands."""
_KEPT: Final = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH")


class StoppedError(Exception):
    """A request was not answered; its text says why."""


@dataclass(slots=True)
class Worker:
    """One process, asked by one thread at a time; `module` is what it runs."""

    module: str
    cpu_s: float = 1.0
    wall_s: float = _WALL_S
    _process: subprocess.Popen[bytes] | None = None
    _closed: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to one request; raises StoppedError."""
        content = orjson.dumps(request)
        with self._lock:
            if self._closed:
                raise StoppedError("is not asked any more")
            process, self._process = self._process or self._start(), None
            answer = self._exchange(process, content)
            self._process = process
        found: dict[str, Any] = orjson.loads(answer)
        return found

    def close(self) -> None:
        """End the process, and start no other; may be called twice."""
        with self._lock:
            self._closed = True
            if self._process is not None:
                _end(self._process)

    def _start(self) -> subprocess.Popen[bytes]:
        environment = {name: os.environ[name] for name in _KEPT if name in os.environ}
        return subprocess.Popen(
            # -P: what lies in the current folder is not ours to import
            [sys.executable, "-P", "-m", self.module, str(self.cpu_s)],
            env={**environment, "TZ": "UTC", "LC_ALL": "C.UTF-8"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def _exchange(self, process: subprocess.Popen[bytes], content: bytes) -> bytes:
        """Ask a process; where that raises StoppedError, the process has ended."""
        outgoing, incoming = _pipes(process)
        try:
            write_frame(outgoing, content)
        except OSError as error:
            raise self._ended(process) from error
        with selectors.DefaultSelector() as selector:
            selector.register(incoming, selectors.EVENT_READ)
            if not selector.select(self.wall_s):
                _end(process)
                raise StoppedError(f"gave no answer within {self.wall_s:g} s")
        answer = read_frame(incoming)
        if answer is None:
            raise self._ended(process)
        return answer

    def _ended(self, process: subprocess.Popen[bytes]) -> StoppedError:
        """Why a process closed its pipes: it is ending, or has ended."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(self.wall_s)
        _end(process)
        if process.returncode == -signal.SIGPROF:
            return StoppedError(f"used more than {self.cpu_s:g} s of processor time")
        return StoppedError(f"ended its process (exit status {process.returncode})")


def _pipes(process: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes]]:
    if process.stdin is None or process.stdout is None:
        raise AssertionError("a worker is started with pipes")
    return process.stdin, process.stdout


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill and wait; a process that has ended stays ended."""
    process.kill()
    process.wait()
    for pipe in _pipes(process):
        with contextlib.suppress(OSError):  # what it holds was for a process that is gone
            pipe.close()
