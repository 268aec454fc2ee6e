"""How long tests wait, and waiting for what the operating system does, without a clock."""

import os
import select

WAIT_S = 180.0
"""For what has to come: a busy machine is slow, and what came is waited for no longer."""


def gone(pid: int, timeout_s: float = WAIT_S) -> bool:
    """Whether a process ends within the time; one that was killed and not waited for counts."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([descriptor], [], [], timeout_s)[0])
    finally:
        os.close(descriptor)
