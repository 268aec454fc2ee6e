"""The trail from outside: appending what is not a revision, searching, verifying."""

from collections.abc import Iterator, Mapping
from typing import Any

from gitops.model.revision import RecordKind, TrailRecord
from gitops.ports import ApplicationState, TrailQuery, Verdict
from gitops.store.applications import write_states
from gitops.store.recording import Part
from gitops.store.trail import page
from gitops.store.verify import read_head, verify_trail


class AuditPart(Part):
    """`ports.Store`: the trail."""

    def append(
        self,
        kind: RecordKind,
        *,
        actor: str,
        application: str | None = None,
        revision: int | None = None,
        payload: Mapping[str, Any],
        state: ApplicationState | None = None,
    ) -> TrailRecord:
        """Append one record, with the state that it changes."""
        with self.recording() as recorder:
            if state is not None:
                write_states(recorder.connection, [state])
            return recorder.append(
                kind, payload, actor=actor, application=application, revision=revision
            )

    def trail(self, query: TrailQuery) -> Iterator[TrailRecord]:
        """Records that match, streamed; no transaction stays open between two of them.

        `object` is the text form of an identity, or what a person writes (`Deployment nohi/web`,
        then of any API group). `outcome` is an object's outcome, the state in which a revision
        closed, or `refused`. `since` is included, `until` is not.
        """
        left = query.limit
        after: int | None = None
        while left is None or left > 0:
            with self.database.read() as connection:
                records = page(connection, query, after, left)
            yield from records
            if not records:
                return
            after = records[-1].sequence
            left = None if left is None else left - len(records)

    def verify(self, head: str | None = None) -> Verdict:
        """Check chain, sequence, checkpoint, projections, and a head that somebody wrote down.

        `head` is `<sequence>:<mac>`, as a verdict gives it. Raises InputError where it is not,
        StoreError `key-missing`.
        """
        keys = self.keys
        given = None if head is None else read_head(head)
        checkpoint = self.checkpoint.read() if self.checkpoint else "there is no checkpoint"
        with self.database.read() as connection:
            return verify_trail(connection, keys, checkpoint, given)
