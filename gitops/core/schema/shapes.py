"""The shapes of many kinds, read from OpenAPI definitions and CustomResourceDefinitions.

In: OpenAPI definitions (Kubernetes' swagger v2 or OpenAPI v3 component schemas), the bodies of
CRDs. Out: `Shapes`, which finds the `KindShape` of an apiVersion and kind. Made by the cluster
(its own OpenAPI) and by `gitops.openapi` (the packaged one); read by diff, normalize and validate.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Self

from gitops.core.schema.crd import UNKNOWN_KIND, crd_schema, crd_versions, has_status_subresource
from gitops.core.schema.schema import Definitions, Natives, Schema, Shape, make_shape
from gitops.model.objects import Body, GroupKind, KindInfo, split_api_version

MOVED: Final[Mapping[tuple[str, str], str]] = {
    ("extensions", "DaemonSet"): "apps",
    ("extensions", "Deployment"): "apps",
    ("extensions", "ReplicaSet"): "apps",
    ("extensions", "Ingress"): "networking.k8s.io",
    ("extensions", "NetworkPolicy"): "networking.k8s.io",
}
"""Kinds whose group is no longer served, and where they went."""


@dataclass(frozen=True, slots=True)
class KindShape:
    """A kind at one version. `namespaced` is None where only its schema is known."""

    group: str
    version: str
    kind: str
    root: Shape
    namespaced: bool | None
    plural: str
    has_status: bool
    versions: tuple[str, ...]
    """Served versions, the preferred one first."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """Where a kind's schema is, and what is special at this version (None: as for the kind)."""

    definition: str
    has_status: bool | None = None


class Shapes:
    """The shapes of many kinds; a value: `with_crd` and `merge` give new ones."""

    __slots__ = ("_definitions", "_entries", "_infos", "_kinds")

    def __init__(
        self,
        schemas: Mapping[str, Schema] | None = None,
        entries: Mapping[tuple[str, str], _Entry] | None = None,
        infos: Mapping[GroupKind, KindInfo] | None = None,
        natives: Natives | None = None,
    ) -> None:
        self._definitions = Definitions(schemas or {}, natives)
        self._entries = entries or {}
        self._infos = infos or {}
        self._kinds: dict[tuple[str, str], KindShape] = {}
        """What `kind` has answered."""

    @classmethod
    def from_openapi(
        cls,
        definitions: Mapping[str, Schema],
        kinds: Iterable[KindInfo] = (),
        natives: Natives | None = None,
    ) -> Self:
        """Shapes of `definitions` (v2) or `components.schemas` (v3).

        `kinds` is what discovery, or the specification's paths (`core.resources`), say besides;
        `natives` is what is known of the API server's own types besides.
        """
        entries = {
            key: _Entry(name) for name, schema in definitions.items() for key in _kinds_of(schema)
        }
        return cls(definitions, entries, {info.group_kind: info for info in kinds}, natives)

    def with_crd(self, body: Body) -> Self:
        """These and the kind of a CustomResourceDefinition; the same where it cannot be read."""
        spec = body.get("spec")
        names = spec.get("names") if isinstance(spec, Mapping) else None
        if not isinstance(spec, Mapping) or not isinstance(names, Mapping):
            return self
        group, kind = str(spec.get("group") or ""), str(names.get("kind") or "")
        versions = crd_versions(spec)
        schemas, entries = dict(self._definitions.schemas), dict(self._entries)
        for version in versions:
            api_version, name = (
                f"{group}/{version['name']}",
                f"crd:{group}/{version['name']}.{kind}",
            )
            schemas[name.replace("/", ":")] = crd_schema(spec, version)
            has_status = has_status_subresource(spec, version)
            entries[api_version, kind] = _Entry(name.replace("/", ":"), has_status)
        info = KindInfo(
            group,
            kind,
            tuple(str(version["name"]) for version in versions),
            str(names.get("plural") or ""),
            namespaced=spec.get("scope") != "Cluster",
            has_status=any(has_status_subresource(spec, version) for version in versions),
        )
        infos = {**self._infos, info.group_kind: info}
        return type(self)(schemas, entries, infos, self._definitions.natives)

    def with_schema(self, api_version: str, kind: str, schema: Schema) -> Self:
        """These and a schema of a kind at a version."""
        name = f"known:{api_version}.{kind}".replace("/", ":")
        schemas = {**self._definitions.schemas, name: schema}
        entries = {**self._entries, (api_version, kind): _Entry(name)}
        return type(self)(schemas, entries, self._infos, self._definitions.natives)

    def merge(self, other: Self) -> Self:
        """Both; where both know something, the other wins."""
        schemas, entries, infos, natives = other.parts()
        mine = self.parts()
        known = {key: info for key, info in infos.items() if info.plural or key not in mine[2]}
        return type(self)(
            {**mine[0], **schemas},
            {**mine[1], **entries},
            {**mine[2], **known},
            mine[3].merge(natives),
        )

    def parts(
        self,
    ) -> tuple[
        Mapping[str, Schema],
        Mapping[tuple[str, str], _Entry],
        Mapping[GroupKind, KindInfo],
        Natives,
    ]:
        """Schemas, kinds, what discovery knows, natives: for `merge`."""
        return (
            self._definitions.schemas,
            self._entries,
            self._infos,
            self._definitions.natives,
        )

    def kind(self, api_version: str, kind: str) -> KindShape | None:
        """The shape of a kind at a version; None where no schema is known."""
        key = (api_version, kind)
        if key in self._entries and key not in self._kinds:
            self._kinds[key] = self._make_kind(api_version, kind)
        return self._kinds.get(key)

    def _make_kind(self, api_version: str, kind: str) -> KindShape:
        entry = self._entries[api_version, kind]
        group, version = split_api_version(api_version)
        root = make_shape({"$ref": entry.definition}, self._definitions)
        info = self._infos.get(GroupKind(group, kind))
        has_status = entry.has_status
        if has_status is None:
            known = info is not None and bool(info.plural)
            has_status = info.has_status if info and known else "status" in root.field_names
        return KindShape(
            group, version, kind, root,
            namespaced=info.namespaced if info else None,
            plural=info.plural if info else "",
            has_status=has_status,
            versions=info.versions if info else (version,),
        )  # fmt: skip

    def root(self, body: Body) -> Shape:
        """The shape of a body's kind; where it is not known, of any object.

        A version that is no longer served has the shape of the one that took its place.
        """
        key = str(body.get("apiVersion") or ""), str(body.get("kind") or "")
        entry = self._entries.get(key) or self._entries.get(self._successor(*key))
        schema = UNKNOWN_KIND if entry is None else {"$ref": entry.definition}
        return make_shape(schema, self._definitions)

    def _successor(self, api_version: str, kind: str) -> tuple[str, str]:
        """The preferred version of a kind, in the group that has it now."""
        group = split_api_version(api_version)[0]
        group = MOVED.get((group, kind), group)
        info = self._infos.get(GroupKind(group, kind))
        version = info.versions[0] if info and info.versions else ""
        return (f"{group}/{version}" if group else version), kind

    @property
    def kinds(self) -> Mapping[GroupKind, KindInfo]:
        """What is known of every kind, as discovery would tell it."""
        return self._infos

    def api_versions(self) -> frozenset[str]:
        """The apiVersions of all kinds that have a schema."""
        return frozenset(api_version for api_version, _ in self._entries)


def _kinds_of(schema: Schema) -> Iterator[tuple[str, str]]:
    """(apiVersion, kind) of each kind that a definition is the schema of."""
    declared = schema.get("x-kubernetes-group-version-kind")
    for item in declared if isinstance(declared, list) else []:
        group, version = str(item.get("group") or ""), str(item.get("version") or "")
        yield (f"{group}/{version}" if group else version, str(item.get("kind") or ""))
