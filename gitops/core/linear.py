"""Regular expressions that take time in proportion to the text, whatever they are (RE2).

For patterns that others write: those of custom resources' schemas, and globs. Go's own, by which
the API server reads a schema, are RE2 too.
"""

from functools import lru_cache
from typing import Any, Final

import re2

KEPT: Final = 256
"""Patterns that are remembered in their compiled form."""
_MEMORY: Final = 1 << 20
"""Bytes that a compiled pattern may take."""


@lru_cache(maxsize=KEPT)
def compiled(pattern: str) -> Any:
    """A regular expression for UTF-8 bytes (see `encoded`), or None where it is none."""
    options = re2.Options()
    options.max_mem, options.never_capture, options.log_errors = _MEMORY, True, False
    try:
        return re2.compile(encoded(pattern), options)
    except re2.error:
        return None


def encoded(text: str) -> bytes:
    """What is matched; half of a surrogate pair becomes a question mark."""
    return text.encode("utf-8", "replace")
