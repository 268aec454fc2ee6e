"""How a process that runs health checks is talked to, and what it may use.

In: a function from a request to an answer. Out: nothing; it serves until its input ends. A frame
is the length of its JSON in 4 bytes, then the JSON. Called by the children and `worker.py`.
"""

import resource
import signal
import struct
import sys
from collections.abc import Callable, Mapping
from typing import IO, Any, Final

import orjson

_LENGTH: Final = struct.Struct(">I")
_DATA_BYTES: Final = 1 << 30
"""Writable memory of the process: above what checks may hold, below what hurts a machine."""


def write_frame(stream: IO[bytes], content: bytes) -> None:
    """Write one frame; raises OSError where nobody reads any more."""
    stream.write(_LENGTH.pack(len(content)) + content)
    stream.flush()


def read_frame(stream: IO[bytes]) -> bytes | None:
    """Read one frame; None at the end of the stream."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    content = stream.read(length)
    return content if len(content) == length else None


def serve(answer: Callable[[Mapping[str, Any]], Mapping[str, Any]], cpu_s: float) -> None:
    """Answer requests; each may use `cpu_s` of processor time, then the kernel ends the process.

    Processor time is no matter of how busy the machine is, and no check can catch its end: neither
    a loop nor a pattern that never comes to an end inside of a library.
    """
    for limit, value in (
        (resource.RLIMIT_DATA, _DATA_BYTES),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(limit, (value, value))
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    incoming, outgoing = sys.stdin.buffer, sys.stdout.buffer
    while (content := read_frame(incoming)) is not None:
        request = orjson.loads(content)
        signal.setitimer(signal.ITIMER_PROF, cpu_s)
        answered = answer(request)
        signal.setitimer(signal.ITIMER_PROF, 0)
        write_frame(outgoing, orjson.dumps(answered))
