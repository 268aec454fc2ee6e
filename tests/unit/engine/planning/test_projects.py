import pytest

from gitops.engine.planning.projects import BUILT_IN, Declared, Projects, in_use, key_of, name_in
from gitops.errors import ConflictError, NotFoundError
from gitops.model.application import Application, Origin, Source
from gitops.model.project import UNLIMITED, Project

FILE = Origin("file", "projects.yaml:1")
WEB = Application("web", (Source("https://git.example.com/shop"),), project="shop")


def test_default_exists_and_allows_everything() -> None:
    projects = Projects()
    application = Application("web", (Source("https://git.example.com/shop"),))
    assert projects.check(application) is UNLIMITED
    assert projects.all() == [BUILT_IN]
    assert projects.get("default").is_built_in


def test_a_project_that_is_not_declared_is_a_fault() -> None:
    with pytest.raises(ConflictError) as caught:
        Projects().check(WEB)
    assert caught.value.message == 'the project "shop" does not exist'
    with pytest.raises(NotFoundError):
        Projects().get("shop")


def test_a_declaration_is_news_once() -> None:
    projects = Projects()
    assert projects.declare(Declared(Project("shop"), FILE))
    assert not projects.declare(Declared(Project("shop"), FILE))
    assert projects.declare(Declared(Project("shop", source_repos=("*",)), FILE))
    assert [declared.project.name for declared in projects.all()] == ["default", "shop"]
    assert projects.remove("shop") is not None
    assert projects.find("shop") is None


def test_declaring_default_as_it_is_changes_nothing() -> None:
    projects = Projects()
    assert not projects.declare(Declared(UNLIMITED, FILE))
    assert not projects.get("default").is_built_in


def test_every_fault_is_named() -> None:
    projects = Projects()
    projects.declare(Declared(Project("shop"), FILE))
    with pytest.raises(ConflictError) as caught:
        projects.check(WEB)
    assert caught.value.message == (
        'the project "shop" does not allow the repository https://git.example.com/shop; '
        'the project "shop" does not allow the destination in-cluster'
    )
    assert projects.of(WEB) == Project("shop")


def test_a_key_is_told_from_an_applications_name() -> None:
    assert name_in(key_of("shop")) == "shop"
    assert name_in("shop") is None


def test_what_is_in_use_names_who_uses_it() -> None:
    assert in_use("shop", ["web"]).message == 'the project "shop" is that of web'
    assert in_use("shop", ["api", "web"]).message == 'the project "shop" is that of api and 1 more'
