"""What a project does not let an application bring about: nothing of it is asked of the cluster.

In: a subject or a settled action, its application and the application's project. Out: a verdict
with its reason. Called for everything that a plan would write, by whichever way it got there
(hooks, children, generated names, rollbacks, undeletes); what it would delete is
`core/planning/guards.py`'s.
"""

from typing import Final

from gitops.core.planning.guards import ALLOWED, Refused, Verdict
from gitops.core.projects.limits import allows_kind, is_unlimited, refusal
from gitops.model.application import Application
from gitops.model.objects import Manifest
from gitops.model.project import DEFAULT, Project

NOT_PERMITTED: Final = "not-permitted"
"""The code of such faults: a project may change without a new commit."""


def permit(application: Application, project: Project, manifest: Manifest) -> Verdict:
    """Whether an object may be written."""
    reason = refusal(project, application, manifest.id)
    return Refused(reason) if reason else ALLOWED


def permit_child(project: Project, manifest: Manifest) -> Verdict:
    """Whether an Application may be declared by one of a project: it is registered, not written.

    Whoever may write to a project's repository must not get at what another project allows, so
    that what its applications declare stays in it, unless it allows everything anyway.
    """
    kind, name = manifest.id.group_kind, manifest.id.name
    if not allows_kind(project, kind, name, namespaced=True):
        return Refused(f'the project "{project.name}" does not allow the namespaced kind {kind}')
    spec = manifest.body.get("spec")
    named = spec.get("project") if isinstance(spec, dict) else None
    other = named or DEFAULT
    if other != project.name and not is_unlimited(project):
        return Refused(
            f'it names the project "{other}", and what applications of the project '
            f'"{project.name}" declare stays in that'
        )
    return ALLOWED
