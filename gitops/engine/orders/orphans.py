"""Orphans of a project: looked for when somebody asks, and never otherwise.

One list of metadata a kind and namespace, so that no Secret is read. Called by `api/projects.py`.
"""

from dataclasses import dataclass

from gitops.core.projects.orphans import find_orphans, kinds_to_list
from gitops.engine.lanes.parts import Parts
from gitops.engine.planning.sentences import tell
from gitops.model.objects import ObjectId
from gitops.model.project import Orphan, Project
from gitops.ports import ListMetadata


@dataclass(frozen=True, slots=True)
class Orphans:
    """What was found in the namespaces; `unseen` says what could not be listed, and why."""

    project: Project
    namespaces: tuple[str, ...]
    found: tuple[Orphan, ...]
    unseen: tuple[str, ...]


def look_for_orphans(parts: Parts, name: str) -> Orphans:
    """Objects without an application in the destination namespaces of a project's applications.

    Raises NotFoundError where there is no such project, ClusterError where discovery fails.
    """
    project = parts.projects.get(name).project
    spaces = tuple(sorted({
        runtime.application.destination.namespace
        for runtime in parts.registry.all()
        if runtime.application.project == name
    } - {""}))  # fmt: skip
    kinds = kinds_to_list(project, parts.cluster.kinds())
    answers = parts.cluster.send([ListMetadata(k, space) for k in kinds for space in spaces])
    bodies = [body for answer in answers for body in answer.items]
    unseen = sorted({tell(answer.error) for answer in answers if answer.error is not None})

    def owner(identity: ObjectId) -> str:
        claim = parts.inventory.get(identity)
        return claim.application if claim else ""

    found = find_orphans(project, bodies, owner)
    return Orphans(project, spaces, tuple(found), tuple(unseen))
