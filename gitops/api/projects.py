"""Routes of projects: list, look, remove. They are declared as applications are."""

from collections import defaultdict
from collections.abc import Mapping

from fastapi import APIRouter, Request
from starlette.responses import Response

from gitops.api.context import Context, reply
from gitops.engine.orders.orphans import look_for_orphans
from gitops.engine.planning.projects import Declared
from gitops.engine.service import Service
from gitops.wire.project import orphans_to_wire, project_to_wire
from gitops.wire.values import JsonObject


class ProjectRoutes:
    """Handlers of `/projects`."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def add(self, router: APIRouter) -> None:
        """Put the routes on a router."""
        one = "/projects/{name}"
        table = (("GET", "/projects", self.list_all), ("GET", one, self.show),
                 ("DELETE", one, self.delete), ("GET", one + "/orphans", self.orphans))  # fmt: skip
        for method, path, handler in table:
            router.add_api_route(path, handler, methods=[method], tags=["projects"])

    def list_all(self) -> Response:
        """Every project, by name; `default` is always one of them."""
        service = self._context.ready()
        names = _applications(service)
        return reply([_wire(one, names) for one in service.parts.projects.all()])

    def show(self, name: str) -> Response:
        """One project: what it allows, and its applications."""
        service = self._context.ready()
        return reply(_wire(service.parts.projects.get(name), _applications(service)))

    def orphans(self, name: str) -> Response:
        """Objects without an application in the namespaces of its applications: lists each kind."""
        found = look_for_orphans(self._context.ready().parts, name)
        return reply(orphans_to_wire(found.project, found.namespaces, found.found, found.unseen))

    def delete(self, request: Request, name: str) -> Response:
        """Remove a project that was declared through the API, and that no application names."""
        service = self._context.ready()
        service.declarer.projects.delete(name, self._context.trigger(request))
        return reply({"project": name})


def _applications(service: Service) -> Mapping[str, list[str]]:
    """The names of each project's applications."""
    found = defaultdict[str, list[str]](list)
    for runtime in service.parts.registry.all():
        found[runtime.application.project].append(runtime.name)
    return found


def _wire(declared: Declared, applications: Mapping[str, list[str]]) -> JsonObject:
    project, names = declared.project, applications.get(declared.project.name, [])
    return project_to_wire(
        project, None if declared.is_built_in else declared.origin, declared.warnings, names
    )
