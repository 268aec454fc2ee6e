"""The newest link of the trail, kept in a file outside the database.

A trail that lost its newest records is still a valid chain; this file tells. Its seal is an HMAC,
so that without the key it can only be replaced by an older one of its kind, against which
`audit verify --head` helps. It is written after each commit: after a crash it may lie behind the
trail, never before it.

Called by `recording.py` at each append, by `sql.py` at start-up and by `verify.py`.
"""

import contextlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import structlog

from gitops.store.keys import Former, draft_of, mac, same, write_private
from gitops.wire.values import canonical

GENESIS: Final = "0" * 64
"""What the first record has as `previous`."""
KEPT: Final = 20
"""How many findings the file carries on; more than a few say nothing new."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Head:
    """A link of the trail: its sequence number and mac; (0, GENESIS) before the first."""

    sequence: int = 0
    mac: str = GENESIS

    def __str__(self) -> str:
        return f"{self.sequence}:{self.mac}"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The newest link, and what earlier checkpoints found missing: sentences, oldest first."""

    head: Head = Head()
    findings: tuple[str, ...] = ()

    def finding(self, sentence: str) -> "Checkpoint":
        """With one more finding; the oldest are kept."""
        return replace(self, findings=(*self.findings, sentence)[:KEPT])


class CheckpointFile:
    """Reads and replaces the file; `path` None keeps nothing (a database in memory)."""

    def __init__(self, path: Path | None, key: bytes, former: Sequence[Former] = ()) -> None:
        self.path = path
        self._key = key
        self._former = former
        self.newest = Checkpoint()
        """What was written last, or should have been where the disk was full."""

    def exists(self) -> bool:
        """Whether there is a file."""
        return self.path is not None and self.path.exists()

    def read(self) -> Checkpoint | str:
        """The checkpoint on disk, or a sentence that says why there is none."""
        if self.path is None:
            return self.newest
        try:
            value = json.loads(self.path.read_bytes())
            return self._opened(value)
        except FileNotFoundError:
            return f"the checkpoint {self.path.name} is missing"
        except OSError as error:
            return f"the checkpoint {self.path.name} cannot be read: {error.strerror}"
        except (ValueError, TypeError, KeyError):
            return f"the checkpoint {self.path.name} was changed"

    def _opened(self, value: dict[str, Any]) -> Checkpoint:
        seal, text = value.pop("seal"), canonical(value)
        before = [one.trail for one in self._former if value["sequence"] <= one.until]
        if not any(same(seal, mac(key, text)) for key in (self._key, *before)):
            raise ValueError("seal")
        return Checkpoint(Head(value["sequence"], value["mac"]), tuple(value["findings"]))

    def reconcile(self, head: Head, mac_at: Callable[[int], str | None]) -> None:
        """Compare with the trail at start-up; what does not agree is carried on as a finding.

        `head` is the trail's newest link, `mac_at` gives the mac of a record or None.
        """
        found = self.read()
        if isinstance(found, str):
            self.write(
                Checkpoint(head).finding(
                    f"{found} (found when record {head.sequence} was the newest)"
                )
            )
            return
        self.newest = found
        kept = found.head
        if kept == head:
            return
        known = GENESIS if kept.sequence == 0 else mac_at(kept.sequence)
        self.write(
            replace(found, head=head)
            if known == kept.mac
            else replace(found, head=head).finding(broken(kept, head))
        )

    def advance(self, before: Head, after: Head) -> None:
        """After a commit that found `before` as the newest link and left `after`."""
        checkpoint = replace(self.newest, head=after)
        if self.newest.head != before:
            checkpoint = checkpoint.finding(broken(self.newest.head, before))
        self.write(checkpoint)

    def write(self, checkpoint: Checkpoint) -> None:
        """Replace the file at once; a full disk leaves the old one, and the next append tries."""
        self.newest = checkpoint
        if self.path is None:
            return
        value: dict[str, Any] = {
            "sequence": checkpoint.head.sequence,
            "mac": checkpoint.head.mac,
            "findings": list(checkpoint.findings),
        }
        value["seal"] = mac(self._key, canonical(value))
        draft = draft_of(self.path)
        try:
            write_private(draft, canonical(value) + b"\n")
            draft.replace(self.path)  # losing the name to a power cut gives the older file
        except OSError as error:
            log.warning("checkpoint not written", path=str(self.path), error=error.strerror)
            with contextlib.suppress(OSError):
                draft.unlink(missing_ok=True)


def broken(kept: Head, found: Head) -> str:
    """The sentence for a trail that does not hold a link that it once had."""
    return (
        f"record {kept.sequence} was cut or changed:"
        f" it was the newest once, later record {found.sequence} was"
    )
