"""What options make of a subject before the server is asked: nothing at all, or less of it.

Called by `engine/planning/compare.py` while it makes a plan. The rules are
`core/planning/plan.py`'s and `core/diff/fit.py`'s; the cluster is read only where an ignore rule
names field managers.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from gitops.core.diff.fit import declared_only, needs_owners, with_live_values
from gitops.core.diff.ignore import DiffOptions
from gitops.core.planning.plan import Subject, settle_by_wish
from gitops.core.planning.sync_options import is_left_alone
from gitops.core.schema.shapes import Shapes
from gitops.model.objects import Body, Live, Manifest, ObjectId
from gitops.model.plan import Action
from gitops.ports import Claim, Cluster, Read

LEFT_ALONE: Final = "left-alone"
"""The answer that is remembered of an object that is left alone: once it is not, it has drifted."""


def leave(
    subject: Subject, claim_of: Callable[[Subject, Live, str], Claim]
) -> tuple[Action | None, Claim | None]:
    """Nothing, where nothing is to be done about an object, and what to remember of it.

    `claim_of` tells what is remembered of an object as it stands; of what was never applied
    nothing is.
    """
    live = subject.live
    body = live.decode() if live else None
    action = settle_by_wish(subject, body)
    if action is None or body is None or live is None or subject.memory is None:
        return action, None
    claim = replace(claim_of(subject, live, ""), desired_digest="")
    if is_left_alone(Manifest(subject.id, body)):
        claim = replace(claim, answer_digest=LEFT_ALONE)
    return action, claim


def fit(
    subjects: Sequence[Subject], shapes: Shapes, options: DiffOptions, cluster: Cluster
) -> list[Subject]:
    """The subjects as they are sent: `Validate=false`, `RespectIgnoreDifferences=true`."""
    respectful = [s for s in subjects if _respects(s) and needs_owners(s.stamped, options)]
    answers = cluster.send([Read(s.id, s.manifest.api_version) for s in respectful])
    owned = {s.id: a.body for s, a in zip(respectful, answers, strict=True) if a.body is not None}
    return [_fit(subject, owned, shapes, options) for subject in subjects]


def _fit(
    subject: Subject, owned: Mapping[ObjectId, Body], shapes: Shapes, options: DiffOptions
) -> Subject:
    body: Body = subject.stamped
    if "Validate=false" in subject.options:
        body = declared_only(body, shapes)
    if _respects(subject) and subject.live is not None:
        live = owned.get(subject.id) or subject.live.decode()
        body = with_live_values(body, live, shapes, options)
    return subject if body is subject.stamped else replace(subject, stamped=body)


def _respects(subject: Subject) -> bool:
    return "RespectIgnoreDifferences=true" in subject.options and subject.live is not None
