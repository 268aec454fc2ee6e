from typing import Any

from gitops.core.schema.resources import kinds_of_paths, version_rank


def path(kind: str, *methods: str) -> dict[str, Any]:
    said = {"x-kubernetes-group-version-kind": {"group": "g.com", "version": "v1", "kind": kind}}
    return dict.fromkeys(methods, said)


def test_versions_are_ordered_as_kubernetes_does() -> None:
    ordered = ["v2", "v1", "v1beta2", "v1beta1", "v1alpha1", "beta", "v1gamma1"]
    assert sorted(sorted(ordered), key=version_rank) == ordered


def test_a_path_whose_operations_name_no_kind_tells_of_none() -> None:
    paths = {
        "/apis/g.com/v1/things/{name}": path("Thing", "get", "delete"),
        "/apis/g.com/v1/things": path("Thing", "get"),
        "/apis/g.com/v1/strange/{name}": {"get": {}, "post": {"x-kubernetes-action": "x"}},
        "/version": path("Version", "get"),
    }
    (info,) = kinds_of_paths(paths)
    assert (info.kind, info.plural, info.namespaced) == ("Thing", "things", False)
    assert info.verbs == {"get", "delete", "list", "watch"}
