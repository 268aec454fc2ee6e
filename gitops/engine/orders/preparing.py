"""What a resource action would change now, or why it cannot be made.

In: an order. Out: a `Prepared`, with its plan, masked for people too. Called by
`engine/orders/acting.py` before each write. Reads its object anew: one request, and one for the
definition of a custom kind.
"""

from dataclasses import dataclass, replace

from gitops.core.actions.effects import (
    changes_something,
    difference,
    stated,
    with_own_metadata,
)
from gitops.core.diff.diff import DiffOptions, LastApplied, diff
from gitops.core.diff.drift import drift_policy
from gitops.core.masking.mask import Masker
from gitops.core.ownership.marks import tracked_by
from gitops.core.ownership.owners import Owners
from gitops.core.wording import did_you_mean, listed
from gitops.engine.facts.registry import Runtime
from gitops.engine.lanes.parts import Parts
from gitops.engine.orders.offering import Offering
from gitops.errors import ConflictError, InputError, NotFoundError
from gitops.model.acting import Effect, Given, Offer, Order
from gitops.model.application import Drift
from gitops.model.diff import ActionKind, Diff
from gitops.model.objects import Body, identify
from gitops.model.plan import Action, Plan
from gitops.ports import Claim, Read


@dataclass(frozen=True, slots=True)
class Prepared:
    """An action on the object as it is now: what it changes, as a plan, and the same for people.

    `differs` names fields that Git states otherwise, and nothing sets back by itself.
    """

    live: Body
    effect: Effect
    diff: Diff
    plan: Plan
    masked: Plan
    masker: Masker
    differs: tuple[str, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether there is nothing to write."""
        return not changes_something(self.diff) and not self.effect.creates


class Preparer:
    """Prepares resource actions."""

    def __init__(self, parts: Parts, comparing: DiffOptions, offering: Offering) -> None:
        self._parts = parts
        self._comparing = comparing
        self._offering = offering

    def prepare(self, name: str, order: Order) -> Prepared:
        """What an action would change now; raises GitopsError where it cannot be made."""
        runtime = self._parts.registry.get(name)
        if self._parts.states.get(name).deleting:
            raise ConflictError("the application is being deleted", where=name)
        claim = self._parts.inventory.get(order.target)
        if claim is None or claim.application != name:
            raise NotFoundError(f"the application has no {order.target.title}", where=name)
        (answer,) = self._parts.cluster.send([Read(order.target, claim.api_version)])
        if answer.body is None:
            raise answer.error or _gone(order)
        body = answer.body
        if tracked_by(body) not in (None, name):
            raise ConflictError(
                f'{order.target.title} carries the marks of the application "{tracked_by(body)}"',
                where=name,
            )
        try:
            effect = self._effect(order, body)
        except InputError as error:  # the words of a script
            said = self._parts.masks.around(name, [body]).mask_text(error.message)
            raise InputError(said, where=error.where, remedy=error.remedy) from error
        written = (order.target, *map(identify, effect.creates))
        self._parts.projects.allow(runtime.application, *written)
        shapes = self._parts.comparer.shapes([body, *effect.creates])
        found = difference(body, effect.after, shapes)
        options = self._comparing.with_rules(runtime.application.ignore_differences)
        last = LastApplied(self._manifest(claim), Owners.of(body).ours)
        differs = tuple(stated(body, effect.after, last, shapes, options))
        if differs and self._heals(runtime, claim):
            raise _set_back(order, differs, name)
        diffs = [found] if changes_something(found) else []
        diffs += [diff(made, None, None, shapes) for made in effect.creates]
        plan = Plan(name, "", tuple(_planned(order, one, body) for one in diffs))
        masker = self._parts.masks.around(name, [body, *effect.creates])
        return Prepared(body, effect, found, plan, masker.mask_plan(plan), masker, differs)

    def _effect(self, order: Order, body: Body) -> Effect:
        """What the action makes of its object; raises GitopsError where it cannot be run."""
        ((live, actions),) = self._offering.built_in([self._parts.cluster.live(body)])
        offered = self._offering.offered(live, actions)
        if offered.problem:
            raise InputError(offered.problem)
        offers = {offer.name: offer for offer in offered.offers}
        offer = offers.get(order.action)
        if offer is None:
            raise _unknown(order, list(offers))
        if offer.refused:
            raise ConflictError(f"{order.target.title}: {offer.refused}")
        _check_params(order, offer)
        given = Given(order.params, self._parts.clock.now())
        effect = self._offering.effect(offer, body, actions, given)
        if effect is None:
            raise NotFoundError(
                f'nothing defines the action "{order.action}" that {order.target.title} offers',
                remedy="add it to the definitions beside its discovery script",
            )
        return replace(effect, after=with_own_metadata(effect.after, body))

    def _manifest(self, claim: Claim) -> Body | None:
        """What Git had of an object when it was applied last."""
        if not claim.manifest:
            return None
        known = self._parts.loader.documents.load(claim.manifest)
        return next((manifest.body for manifest in known if manifest.id == claim.id), None)

    def _heals(self, runtime: Runtime, claim: Claim) -> bool:
        """Whether what differs from Git would be set back by itself."""
        suspended = self._parts.states.get(runtime.name).suspended
        heals = drift_policy(runtime.application) is Drift.HEAL
        return heals and not suspended and not claim.contested


def _unknown(order: Order, names: list[str]) -> NotFoundError:
    has = f"it has {listed(names)}" if names else "this kind has none"
    return NotFoundError(
        f'{order.target.title} has no action "{order.action}"{did_you_mean(order.action, names)}',
        remedy=has,
    )


def _check_params(order: Order, offer: Offer) -> None:
    """Every parameter is given, and no other; raises InputError."""
    known = offer.params
    unknown = sorted(order.params.keys() - set(known))
    if unknown and (known or not offer.scripted):
        takes = f"it takes {listed(known)}" if known else "it takes none"
        raise InputError(
            f'{order.action} has no parameter "{unknown[0]}"{did_you_mean(unknown[0], known)}',
            where=order.target.title,
            remedy=takes,
        )
    missing = [name for name in known if name not in order.params]
    if missing:
        raise InputError(
            f'{order.action} needs the parameter "{missing[0]}"',
            where=order.target.title,
            remedy=f"give --param {missing[0]}=VALUE",
        )


def _gone(order: Order) -> NotFoundError:
    return NotFoundError(f"{order.target.title} is not there")


def _set_back(order: Order, fields: tuple[str, ...], name: str) -> ConflictError:
    return ConflictError(
        f"{order.action} changes {listed(fields)}, which Git states: it would be set back at once",
        where=order.target.title,
        remedy=f"change it in Git, leave it out there, name it in spec.ignoreDifferences, "
        f"or `gitops suspend {name}` first",
    )


def _planned(order: Order, found: Diff, live: Body) -> Action:
    """What happens to one object, as plans tell it."""
    creates = found.action is ActionKind.CREATE
    metadata = live["metadata"]
    return Action(
        found.action,
        found.id,
        found.api_version,
        reason=order.sentence,
        diff=found,
        uid=None if creates else metadata.get("uid"),
        resource_version=None if creates else metadata.get("resourceVersion"),
    )
