"""A plan for what somebody chose instead of for all that Git wants.

In: what is to be planned, and a selection. Out: a plan with its limits. Called for manual syncs and
their dry runs, each time anew: what a selection names may have changed since it was written.
"""

from collections.abc import Collection
from dataclasses import replace

from gitops.core.planning.selecting import choose
from gitops.engine.planning.compare import PlanRequest
from gitops.errors import InputError, NotFoundError
from gitops.model.objects import ObjectId
from gitops.model.revision import Selection


def narrow(
    request: PlanRequest,
    selection: Selection | None,
    owned: Collection[ObjectId],
    *,
    prune: bool,
) -> PlanRequest:
    """As Argo CD syncs: what is chosen, without hooks, and deletions only where asked for.

    Without a selection everything is planned for, and `prune` lifts the budget. Raises InputError
    and NotFoundError for a selection that cannot be read, or names nothing.
    """
    if selection is None:
        return replace(request, prune=True if prune else None)
    try:
        only = choose(selection, request.manifests, owned)
    except (InputError, NotFoundError) as error:
        error.where = request.application.name
        raise
    return replace(request, only=only, selection=selection, hooks=False, prune=prune)
