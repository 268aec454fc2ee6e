"""Which applications depend on which, as declarations come, change and go."""

from gitops.engine.registry import Registry
from gitops.model.application import Application, Origin

HERE = Origin("file", "apps.yaml:1")


def declare(registry: Registry, name: str, *depends_on: str) -> None:
    registry.declare(Application(name, (), depends_on=depends_on), HERE)


def dependants(registry: Registry, name: str) -> list[str]:
    return [runtime.name for runtime in registry.dependants(name)]


def test_dependants_are_told_by_name_and_follow_the_declarations() -> None:
    registry = Registry()
    declare(registry, "shop", "database", "database")
    declare(registry, "blog", "database")
    assert dependants(registry, "database") == ["blog", "shop"]
    declare(registry, "shop", "queue")
    assert dependants(registry, "database") == ["blog"]
    assert dependants(registry, "queue") == ["shop"]
    registry.remove("blog")
    assert dependants(registry, "database") == []
