"""Routes of projects: list, look, remove. They are declared as applications are."""

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
        return reply([_wire(service, declared) for declared in service.parts.projects.all()])

    def show(self, name: str) -> Response:
        """One project: what it allows, and its applications."""
        service = self._context.ready()
        return reply(_wire(service, service.parts.projects.get(name)))

    def orphans(self, name: str) -> Response:
        """Objects without an application in the namespaces of its applications: lists each kind."""
        found = look_for_orphans(self._context.ready().parts, name)
        return reply(orphans_to_wire(found.project, found.namespaces, found.found, found.unseen))

    def delete(self, request: Request, name: str) -> Response:
        """Remove a project that was declared through the API, and that no application names."""
        service = self._context.ready()
        service.declarer.projects.delete(name, self._context.trigger(request))
        return reply({"project": name})


def _wire(service: Service, declared: Declared) -> JsonObject:
    project = declared.project
    names = [
        runtime.name
        for runtime in service.parts.registry.all()
        if runtime.application.project == project.name
    ]
    return project_to_wire(
        project, None if declared.is_built_in else declared.origin, declared.warnings, names
    )
