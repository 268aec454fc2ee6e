"""The service's log on standard error: structured, with application and revision, without secrets.

JSON lines or text as the settings say. Every event of the engine is a line. What other libraries
log through `logging` comes the same way, from warnings on.
"""

import logging
import re
import sys
from collections.abc import Collection, Iterator, MutableMapping
from typing import Any, Final

import structlog
from pydantic import SecretStr

from gitops.cli.output import one_line
from gitops.model.events import Event
from gitops.settings.load import Settings
from gitops.settings.sections import LogSection, Section

HIDDEN: Final = "***"
_KEYS = re.compile(
    r"(?i)(^|[_-])(token|password|passwd|secret|authorization|api[_-]?key|private[_-]?key)$"
)
_USERINFO = re.compile(r"(?<=://)[^/@\s]+@")
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}")
_TOKENS = re.compile(
    r"\b(gh[opsur]_[A-Za-z0-9]{16,}|github_pat_\w{20,}|glpat-[\w-]{16,}|eyJ[\w-]{10,999}\.[\w-]{10,}\.[\w-]*)"
)
_SHORTEST: Final = 6
"""Shorter secrets are no secrets; hiding them would garble words."""

LEVELS: Final = {
    "problem": "warning",
    "contested": "warning",
    "rollback-failed": "error",
    "defect": "error",
}
BAD_STATES: Final = frozenset({"failed", "interrupted"})


class Redactor:
    """A structlog processor: hides what looks like a credential, and the credentials we know."""

    def __init__(self, known: Collection[str] = ()) -> None:
        longest_first = sorted({k for k in known if len(k) >= _SHORTEST}, key=len, reverse=True)
        self._known = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def __call__(
        self, _logger: Any, _method: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        """Redact one line's values."""
        for key, value in event.items():
            event[key] = HIDDEN if _KEYS.search(key) and value else self.redact(value)
        return event

    def redact(self, value: Any) -> Any:
        """A value without credentials; lists and maps too."""
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, dict):
            return {k: HIDDEN if _KEYS.search(str(k)) and v else self.redact(v)
                    for k, v in value.items()}  # fmt: skip
        if isinstance(value, (list, tuple)):
            return [self.redact(one) for one in value]
        return value

    def _text(self, text: str) -> str:
        if self._known is not None:
            text = self._known.sub(HIDDEN, text)
        text = _USERINFO.sub(f"{HIDDEN}@", text)
        text = _BEARER.sub(rf"\1 {HIDDEN}", text)
        return _TOKENS.sub(HIDDEN, text)


def harmless(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """A structlog processor for text: what others wrote begins no line and obeys no terminal.

    Where an exception was raised is told over several lines, and none begins as a line of the log.
    """
    for key, value in event.items():
        if key in _LONG and isinstance(value, str):
            event[key] = "\n".join(f"    {one_line(line)}" for line in value.splitlines())
        elif not isinstance(value, (bool, int, float, type(None))):
            event[key] = one_line(value if isinstance(value, str) else repr(value))
    return event


_LONG: Final = frozenset({"exception", "stack"})


def configure(section: LogSection, known: Collection[str] = ()) -> None:
    """Set up logging for the process."""
    level = logging.getLevelNamesMapping()[section.level.upper()]
    text = section.format == "text" or (section.format == "auto" and sys.stderr.isatty())
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        Redactor(known),
    ]
    renderer: Any = structlog.processors.JSONRenderer()
    if text:
        shared.append(harmless)
        renderer = structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    logging.basicConfig(handlers=[handler], level=max(level, logging.WARNING), force=True)


def log_event(event: Event) -> None:
    """One event of the engine as a line."""
    bad = event.kind == "revision-closed" and event.data.get("state") in BAD_STATES
    level = "warning" if bad else LEVELS.get(event.kind, "info")
    facts: dict[str, Any] = {"kind": event.kind, "application": event.application}
    if event.revision is not None:
        facts["revision"] = event.revision
    facts |= {k: v for k, v in event.data.items() if k not in ("event", "level", "timestamp")}
    write = getattr(structlog.get_logger("gitops"), level)
    write(event.message or event.kind, **facts)


def secrets_of(settings: Settings) -> set[str]:
    """Every secret value in the settings."""
    return set(_secrets(settings))


def _secrets(value: Any) -> Iterator[str]:
    if isinstance(value, SecretStr):
        yield value.get_secret_value()
    elif isinstance(value, (Section, Settings)):
        for _, one in value:
            yield from _secrets(one)
    elif isinstance(value, tuple):
        for one in value:
            yield from _secrets(one)
