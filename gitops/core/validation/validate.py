"""Every fault of manifests that can be found without a cluster.

In: manifests, the shapes of the kinds (the packaged ones offline), and a way to find the place of
a path. Out: faults, sorted by place; nothing is a mere warning. Called by `gitops validate` and
before a plan is made. Custom resources are checked against the CRDs beside them; kinds of other
groups pass unless only what every object has is wrong.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, Protocol

from gitops.core.application.spec import ARGO, is_application, read_application
from gitops.core.manifests.metadata import Flaw, check_object
from gitops.core.manifests.parse import fault_order, find_duplicates
from gitops.core.projects.spec import is_project, read_project
from gitops.core.schema.schema import Schema
from gitops.core.schema.shapes import Shapes
from gitops.core.validation.custom import check_limits, schemas_of
from gitops.core.validation.kinds import check_kind
from gitops.core.validation.meta import check_names
from gitops.core.validation.objects import check_object_rules
from gitops.core.validation.schema import check_schema
from gitops.core.validation.structs import check_structs
from gitops.core.validation.workloads import check_workload
from gitops.core.wording import Path, dotted
from gitops.model.objects import Body, GroupKind, Manifest, Place
from gitops.model.plan import Fault


class Locate(Protocol):
    """Finds the place of a path in the manifest that stands at a place (`Parsed.locate`)."""

    def __call__(
        self, place: Place | None, path: Path = (), *, of_key: bool = False
    ) -> Place | None:
        """The place, or the manifest's own where the path cannot be found."""


def validate(
    manifests: Iterable[Manifest],
    shapes: Shapes,
    locate: Locate | None = None,
    *,
    crds: Iterable[Body] = (),
) -> list[Fault]:
    """Every fault, sorted by place; objects declared twice included.

    Args:
        manifests: What belongs together: an object may be declared once among them.
        shapes: The kinds that are known besides the CRDs among the manifests.
        locate: Finds the place of a path; without it each fault has its manifest's.
        crds: CRDs that stand elsewhere.
    """
    listed = list(manifests)
    own = (manifest.body for manifest in listed if manifest.id.group_kind == CRD)
    custom: dict[tuple[str, str], Schema] = {}
    for crd in (*crds, *own):
        shapes = shapes.with_crd(crd)
        custom.update(schemas_of(crd))
    faults = find_duplicates(listed)
    for manifest in listed:
        for flaw in _once(_flaws(manifest, shapes, custom)):
            place = manifest.place
            if locate is not None:
                place = locate(place, flaw.path, of_key=flaw.of_key)
            faults.append(Fault(flaw.code, flaw.message, manifest.id, place))
        faults += _application_faults(manifest, locate)
    return sorted(dict.fromkeys(faults), key=fault_order)


def _application_faults(manifest: Manifest, locate: Locate | None) -> Iterator[Fault]:
    """What an Application or a project of ours or of Argo CD's gets wrong.

    That Argo CD knows a field and we do not yet is no fault of its manifest.
    """
    if is_project(manifest):
        found = read_project(manifest)[1]
    elif is_application(manifest):
        found = read_application(manifest).faults
    else:
        return
    for fault in found:
        not_yet = fault.code == "not-supported-yet" and manifest.api_version == ARGO
        if not_yet or fault.message.startswith("metadata.name "):  # every object's name is checked
            continue
        steps = _STEP.findall(fault.message.partition(" ")[0])
        path = tuple(int(index) if index else name for name, index in steps)
        place = locate(manifest.place, path, of_key=True) if locate else fault.place
        yield Fault(fault.code, fault.message, manifest.id, place)


_STEP: Final = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


def _once(flaws: Iterable[Flaw]) -> Iterator[Flaw]:
    """Each flaw once; of several about one value's type the first.

    What is missing only because its name is misspelt is not told again.
    """
    told = list(flaws)
    misspelt = {f"{name} is missing" for flaw in told for name in _meant(flaw)}
    seen: set[tuple[Any, ...]] = set()
    for flaw in told:
        if flaw.code == "missing-field" and flaw.message.partition(";")[0] in misspelt:
            continue
        is_type = flaw.code in {"wrong-type", "null-value"}
        key = (flaw.code, flaw.path, "" if is_type else flaw.message)
        if key not in seen:
            seen.add(key)
            yield flaw


def _meant(flaw: Flaw) -> Iterator[str]:
    """The field that an unknown one was probably meant to be."""
    _, _, rest = flaw.message.partition(', did you mean "')
    if flaw.code == "unknown-field" and rest:
        yield dotted((*flaw.path[:-1], rest.partition('"')[0]))


CRD: Final = GroupKind("apiextensions.k8s.io", "CustomResourceDefinition")


def _flaws(
    manifest: Manifest, shapes: Shapes, custom: Mapping[tuple[str, str], Schema]
) -> Iterator[Flaw]:
    body, kind = manifest.body, manifest.id.group_kind
    yield from check_object(body).faults
    unknown = check_kind(manifest.api_version, kind.kind, shapes)
    if unknown is not None:
        yield unknown
        return
    yield from check_names(body, kind)
    shape = shapes.kind(manifest.api_version, kind.kind)
    if shape is None:
        return
    yield from check_schema(body, shape.root, has_status=shape.has_status)
    yield from check_structs(body, shape.root)
    yield from check_limits(body, custom.get((manifest.api_version, kind.kind), {}))
    yield from check_workload(body, kind)
    yield from check_object_rules(body, kind)
