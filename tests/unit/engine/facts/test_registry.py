"""Which applications depend on which, as declarations come, change and go."""

import pytest

from gitops.engine.facts.registry import Registry
from gitops.errors import ConflictError
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


def test_an_application_is_taken_over_by_those_that_say_so() -> None:
    registry = Registry()
    registry.declare(Application("shop", (), takes_over=("blog", "wiki")), HERE)
    registry.declare(Application("mail", (), takes_over=("blog",)), HERE)
    declare(registry, "blog")
    assert [runtime.name for runtime in registry.takers("blog")] == ["mail", "shop"]
    assert registry.takers("shop") == []


def test_what_is_about_to_go_may_be_declared_elsewhere() -> None:
    registry = Registry()
    declare(registry, "blog")
    elsewhere = Origin("file", "others.yaml:1")
    with pytest.raises(ConflictError, match="declared twice"):
        registry.declare(Application("blog", ()), elsewhere)
    registry.get("blog").leaving = True
    assert registry.declare(Application("blog", ()), elsewhere).origin == elsewhere
    assert not registry.get("blog").leaving
