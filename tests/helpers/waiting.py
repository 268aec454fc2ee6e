"""Waiting for what the operating system does, without a clock."""

import os
import select


def gone(pid: int, timeout_s: float = 10.0) -> bool:
    """Whether a process ends within the time; one that was killed and not waited for counts."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([descriptor], [], [], timeout_s)[0])
    finally:
        os.close(descriptor)
