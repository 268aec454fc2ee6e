"""What a throw-away embedded API server says of manifests: `gitops validate PATH --server`.

In: manifests with a way to find their places, and the kinds that are known. Out: a fault for each
reason of a refusal. Nothing is left behind: the server lives in a temporary folder. What others
rest on is made there for good, in order (definitions, namespaces, service accounts, classes); all
else is a dry run.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from http.client import CONFLICT, NOT_FOUND
from threading import Event
from typing import Any, Final
from urllib.parse import urlsplit

from gitops.controlplane.api import Api
from gitops.controlplane.processes import ControlPlane
from gitops.controlplane.progress import Progress
from gitops.core.planning.order import order
from gitops.core.schema.shapes import Shapes
from gitops.core.validation.validate import CRD
from gitops.core.wording import Path as Steps
from gitops.model.objects import Body, GroupKind, KindInfo, Manifest, Place
from gitops.model.plan import Fault
from gitops.scratch import private_folder, sweep

Locate = Callable[[Place | None, Steps], Place | None]

NAMESPACE: Final = GroupKind("", "Namespace")
_GROUNDS: Final = (
    CRD,
    NAMESPACE,
    GroupKind("", "ServiceAccount"),
    GroupKind("scheduling.k8s.io", "PriorityClass"),
    GroupKind("node.k8s.io", "RuntimeClass"),
)
"""What other objects rest on, in the order in which it is made."""
_SCRATCH: Final = "gitops-validate-"
_STRICT: Final = "fieldValidation=Strict"
_TIMEOUT_S: Final = 30.0
_PAUSE_S: Final = 0.05
_REFUSED: Final = 400
_STEP: Final = re.compile(r"\[([^\]]*)\]|([^.\[\]]+)")
_PREFIX: Final = re.compile(r'^[A-Za-z.0-9-]+ "[^"]*" is (?:invalid|forbidden): ')


@dataclass(frozen=True, slots=True)
class Subject:
    """A manifest to ask about, and how the place of one of its fields is found."""

    manifest: Manifest
    locate: Locate


@dataclass(frozen=True, slots=True)
class Judgement:
    """Every fault, and the kinds that the server could not be asked about, as people name them."""

    faults: tuple[Fault, ...]
    unknown: tuple[str, ...]


def ask_server(subjects: Sequence[Subject], shapes: Shapes, progress: Progress) -> Judgement:
    """Start a server, ask it about everything, and remove it; raises ControlPlaneError."""
    sweep(_SCRATCH)
    with (
        private_folder(_SCRATCH) as folder,
        ControlPlane.start(folder, unsafe_no_fsync=True, progress=progress) as plane,
    ):
        api = Api(urlsplit(plane.url).port or 0, plane.ca, plane.token, _TIMEOUT_S)
        return _Asking(api, shapes).judge(subjects)


class _Asking:
    """One conversation with one server."""

    def __init__(self, api: Api, shapes: Shapes) -> None:
        self._api = api
        self._shapes = shapes
        self._made: set[str] = {"default"}
        self._unknown: set[str] = set()

    def judge(self, subjects: Sequence[Subject]) -> Judgement:
        by_manifest = {id(subject.manifest): subject for subject in subjects}
        ordered = [by_manifest[id(m)] for m in order([s.manifest for s in subjects])]
        for subject in ordered:
            if subject.manifest.id.group_kind == CRD:
                self._shapes = self._shapes.with_crd(subject.manifest.body)
        faults: list[Fault] = []
        for ground in _GROUNDS:
            own = [s for s in ordered if s.manifest.id.group_kind == ground]
            faults += [fault for subject in own for fault in self._ask(subject, is_ground=True)]
        rest = [s for s in ordered if s.manifest.id.group_kind not in _GROUNDS]
        faults += [fault for subject in rest for fault in self._ask(subject, is_ground=False)]
        return Judgement(tuple(faults), tuple(sorted(self._unknown)))

    def _ask(self, subject: Subject, *, is_ground: bool) -> Iterator[Fault]:
        manifest = subject.manifest
        info = self._shapes.kinds.get(manifest.id.group_kind)
        if info is None:
            self._unknown.add(f"{manifest.id.kind} ({manifest.api_version})")
            return
        namespace = (manifest.id.namespace or "default") if info.namespaced else ""
        self._need_namespace(namespace)
        url = _url(manifest, info, namespace)
        query = _STRICT if is_ground else f"dryRun=All&{_STRICT}"
        body = _placed(manifest.body, namespace)
        status, answer = self._api.call("POST", f"{url}?{query}", body)
        if status == NOT_FOUND and not answer.get("details", {}).get("name"):
            self._unknown.add(f"{manifest.id.kind} ({manifest.api_version})")
        elif status >= _REFUSED and status != CONFLICT:
            yield from _faults(subject, answer)
        elif manifest.id.group_kind == CRD:
            self._wait_for_definition(f"{url}/{manifest.id.name}")
        elif manifest.id.group_kind == NAMESPACE:
            self._made.add(manifest.id.name)
            self._wait_for_account(manifest.id.name)

    def _need_namespace(self, namespace: str) -> None:
        """Make a namespace that no manifest declares, and wait until pods may be made in it."""
        if not namespace or namespace in self._made:
            return
        self._made.add(namespace)
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
        status, _ = self._api.call("POST", "/api/v1/namespaces", body)
        if status < _REFUSED:
            self._wait_for_account(namespace)

    def _wait_for_account(self, namespace: str) -> None:
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/default"
        _until(lambda: self._api.get(path) is not None)

    def _wait_for_definition(self, url: str) -> None:
        """Until the kind is served; a definition that never is shows in what it defines."""

        def is_served() -> bool:
            found = self._api.get(url) or {}
            conditions = found.get("status", {}).get("conditions") or []
            return any(c["type"] == "Established" and c["status"] == "True" for c in conditions)

        _until(is_served)


def _until(ask: Callable[[], bool]) -> None:
    """Ask again until it is so, or the time is over."""
    pause = Event()
    for _ in range(round(_TIMEOUT_S / _PAUSE_S)):
        if ask():
            return
        pause.wait(_PAUSE_S)


def _url(manifest: Manifest, info: KindInfo, namespace: str) -> str:
    version = manifest.api_version
    base = f"/apis/{version}" if "/" in version else f"/api/{version}"
    return f"{base}/namespaces/{namespace}/{info.plural}" if namespace else f"{base}/{info.plural}"


def _placed(body: Body, namespace: str) -> dict[str, Any]:
    metadata = {**body["metadata"]}
    if namespace:
        metadata["namespace"] = namespace
    return {**body, "metadata": metadata}


def _faults(subject: Subject, answer: dict[str, Any]) -> Iterator[Fault]:
    """A fault for each cause that the server names, else one for what it says."""
    manifest = subject.manifest
    details = answer.get("details") or {}
    causes = [c for c in details.get("causes") or [] if c.get("field") not in (None, "", "<nil>")]
    for cause in causes:
        where = subject.locate(manifest.place, _steps(cause["field"]))
        message = f"{cause['field']}: {cause.get('message', '')}"
        yield Fault("server", f"{manifest.id.title}: {message}", manifest.id, where)
    if not causes:
        said = _PREFIX.sub("", str(answer.get("message") or "it is refused"))
        yield Fault("server", f"{manifest.id.title}: {said}", manifest.id, manifest.place)


def _steps(field: str) -> Steps:
    """`spec.containers[0].env` as the API server writes it, as steps."""
    found = (match.group(1) or match.group(2) or "" for match in _STEP.finditer(field))
    return tuple(int(step) if step.isdecimal() else step for step in found)


def placed_as(place: Place) -> Locate:
    """For manifests that a tool made: every field stands where the tool's input does."""
    return lambda _, __: replace(place)
