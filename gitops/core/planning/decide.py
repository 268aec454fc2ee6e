"""What an application needs now: sync, heal, or nothing, with the reason. Pure.

Called by the reconciler whenever Git, the cluster, a dependency or a person moved something.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from gitops.core.diff.drift import drift_policy
from gitops.model.application import Application, Drift
from gitops.model.revision import Pin, Revision, RevisionState


class Step(StrEnum):
    """What to do next."""

    SYNC = "sync"
    HEAL = "heal"
    REST = "rest"


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known when a decision is due.

    `wanted` is the digest that Git wants, `synced` the digest that was applied last ("" never);
    `tried` is the digest of the last attempt that ended badly or is held, `attempt` that attempt;
    `confirmed` says that what it holds was approved since.
    """

    wanted: str
    synced: str
    tried: str = ""
    suspended: bool = False
    pin: Pin | None = None
    quarantine: frozenset[str] = frozenset()
    drifted: bool = False
    waits_for: tuple[str, ...] = ()
    attempt: Revision | None = None
    confirmed: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """The next step and why; `ends_pin` says that the pin no longer holds."""

    step: Step
    reason: str
    ends_pin: bool = False


def decide(situation: Situation, application: Application) -> Decision:
    """The next step for an application that syncs by itself; the first rule that applies."""
    if situation.suspended:
        return Decision(Step.REST, "suspended")
    pin = situation.pin
    ends_pin = pin is not None and pin.digest is not None and pin.digest != situation.wanted
    if pin is not None and not ends_pin:
        return _drift(situation, application, f"pinned to revision {pin.revision}")
    if situation.confirmed:
        return Decision(Step.SYNC, "approved by annotation", ends_pin)
    if situation.wanted == situation.synced:
        return _drift(situation, application, "as desired", ends_pin=ends_pin)
    decision = _new_digest(situation, application)
    return Decision(decision.step, decision.reason, ends_pin)


def _new_digest(situation: Situation, application: Application) -> Decision:
    automated = application.sync_policy.automated
    if automated is None or not automated.enabled:
        heals = drift_policy(application) is Drift.HEAL and situation.synced and situation.drifted
        return Decision(Step.HEAL if heals else Step.REST, "automatic sync is off")
    if situation.wanted in situation.quarantine:
        return Decision(Step.REST, "this desired state was rolled back; a new one is awaited")
    if situation.wanted == situation.tried:
        return Decision(Step.REST, tell(situation.attempt))
    if situation.waits_for:
        return Decision(Step.REST, "waits for " + ", ".join(situation.waits_for))
    return Decision(Step.SYNC, "desired has changed" if situation.synced else "never synced")


def tell(attempt: Revision | None) -> str:
    """How an attempt ended that is not made again by itself, and what may happen next."""
    if attempt is None:
        return "the last attempt failed or is held; a new commit is awaited"
    if attempt.state is RevisionState.HELD:
        return attempt.message
    return f"revision {attempt.number} {attempt.state}: {attempt.message}"


def _drift(
    situation: Situation, application: Application, otherwise: str, *, ends_pin: bool = False
) -> Decision:
    if not situation.drifted:
        return Decision(Step.REST, otherwise, ends_pin)
    policy = drift_policy(application)
    if policy is Drift.APPROVE:
        return Decision(Step.REST, "drifted, and its repair waits for approval", ends_pin)
    if policy is Drift.REPORT:
        return Decision(Step.REST, "drifted, and self-heal is off", ends_pin)
    return Decision(Step.HEAL, "drifted", ends_pin)


def rollback_target(revisions: Iterable[Revision], bad: Collection[str]) -> Revision | None:
    """The newest healthy revision that keeps its manifests and has none of the `bad` digests.

    A desired state that was rolled back once is bad, too, however healthy it was before: going
    back to it could go on for ever between two of them. None where nothing is left.
    """
    for revision in sorted(revisions, key=lambda r: -r.number):
        usable = revision.healthy and revision.manifests and not revision.partial
        if usable and revision.digest and revision.digest not in bad:
            return revision
    return None


def find_cycle(name: str, depends_on: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """A path from `name` over dependencies back to itself; empty where there is none."""
    paths: list[tuple[str, ...]] = [(name,)]
    seen: set[str] = set()
    while paths:
        path = paths.pop(0)
        for other in sorted(depends_on.get(path[-1], ())):
            if other == name:
                return (*path, name)
            if other not in seen:
                seen.add(other)
                paths.append((*path, other))
    return ()


def dependents_first(names: Iterable[str], depends_on: Mapping[str, Sequence[str]]) -> list[str]:
    """Names, each before what it depends on, else in order; circles come last."""
    left = dict.fromkeys(sorted(names))
    edges = {n: sorted({o for o in depends_on.get(n, ()) if o in left and o != n}) for n in left}
    dependents = Counter(other for others in edges.values() for other in others)
    ordered = [name for name in left if not dependents[name]]
    for name in ordered:
        for other in edges[name]:
            dependents[other] -= 1
            if not dependents[other]:
                ordered.append(other)
    return [*ordered, *(name for name in left if dependents[name])]


def first_to_go(
    name: str, going: Iterable[str], depends_on: Mapping[str, Sequence[str]]
) -> tuple[str, ...]:
    """Of applications that are being deleted, those that go before `name`: they depend on it.

    In a circle nobody waits: what `name` depends on itself, however far, does not count.
    """
    going = {*going, name}
    before, ahead = set[str](), [name]
    for one in ahead:
        new = going.intersection(depends_on.get(one, ())) - before
        before |= new
        ahead += sorted(new)
    dependents = {other for other in going - {name} if name in depends_on.get(other, ())}
    return tuple(sorted(dependents - before))


def unmet(depends_on: Iterable[str], ready: Collection[str]) -> tuple[str, ...]:
    """The dependencies that are not ready, by name."""
    return tuple(sorted(set(depends_on) - set(ready)))
