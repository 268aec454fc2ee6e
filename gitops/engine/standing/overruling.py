"""What the cluster made otherwise of objects that stand as they were applied.

In: an application. Out: a sentence an object, from the outcomes that its revisions keep, so that a
restart forgets nothing. Called for the status of one application; asks the store, not the cluster,
and again only where the history has gone on.
"""

from collections.abc import Mapping
from typing import Final

from gitops.core.diff.admission import told
from gitops.engine.facts.registry import Runtime
from gitops.engine.lanes.parts import Parts
from gitops.model.objects import ObjectId
from gitops.model.revision import OutcomeKind
from gitops.ports import Store

WRITTEN: Final = frozenset({
    OutcomeKind.CREATED,
    OutcomeKind.ADOPTED,
    OutcomeKind.CONFIGURED,
    OutcomeKind.REPLACED,
})  # fmt: skip


def overruled_of(parts: Parts, runtime: Runtime) -> Mapping[ObjectId, str]:
    """`not as applied: …` by object; those that stand as applied are not in it."""
    claims = parts.inventory.of(runtime.name)
    newest = parts.store.revisions(runtime.name, limit=1)
    if not newest:
        return {}
    last = newest[0]
    state = last.number, last.state, last.count, tuple((c.id, c.manifest) for c in claims)
    if runtime.overruled[0] != state:
        wanted: dict[str, set[ObjectId]] = {}
        for claim in claims:
            if claim.manifest:
                wanted.setdefault(claim.manifest, set()).add(claim.id)
        found: dict[ObjectId, str] = {}
        for address, ids in wanted.items():
            found |= _read(parts.store, runtime.name, address, ids)
        runtime.overruled = state, found
    return runtime.overruled[1]


def _read(store: Store, name: str, address: str, ids: set[ObjectId]) -> dict[ObjectId, str]:
    """What the newest outcomes say of objects that were applied last from these manifests.

    An outcome that left an object unchanged says nothing, unless a dry run found the sentence.
    """
    found: dict[ObjectId, str] = {}
    for revision in store.revisions_of(name, address):
        for outcome in store.revision(name, revision.number).outcomes:
            unchanged = outcome.outcome is OutcomeKind.UNCHANGED
            sentence = told(outcome.message) if unchanged or outcome.outcome in WRITTEN else ""
            if outcome.id in ids and (sentence or outcome.outcome in WRITTEN):
                found |= {outcome.id: sentence} if sentence else {}
                ids.discard(outcome.id)
        if not ids:
            break
    return found
