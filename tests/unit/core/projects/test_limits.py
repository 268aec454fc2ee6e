import pytest

from gitops.core.projects.limits import account_of, faults_of, is_unlimited, refusal
from gitops.model.application import Application, Destination, Source
from gitops.model.objects import ObjectId
from gitops.model.project import (
    UNLIMITED,
    KindPattern,
    Project,
    ProjectDestination,
    ServiceAccount,
)

EVERY = KindPattern("*", "*")
SHOP = Project(
    "shop",
    source_repos=("https://git.example.com/shop/*",),
    destinations=(ProjectDestination("", "in-cluster", "shop-*"),),
    namespace_resource_blacklist=(KindPattern("", "Secret"),),
)


def application(url: str = "https://git.example.com/shop/web", namespace: str = "shop-web"):
    return Application("web", (Source(url),), Destination(namespace=namespace))


def test_nothing_is_wrong_with_what_is_allowed() -> None:
    assert list(faults_of(application(), SHOP)) == []


def test_a_foreign_source_is_named_without_its_credentials() -> None:
    found = list(faults_of(application("https://me:secret@git.example.com/other/web"), SHOP))
    assert found == [
        'the project "shop" does not allow the repository https://git.example.com/other/web'
    ]


@pytest.mark.parametrize(
    ("namespace", "told"), [("kube-system", "kube-system on in-cluster"), ("", "in-cluster")]
)
def test_a_foreign_destination_is_named(namespace: str, told: str) -> None:
    found = list(faults_of(application(namespace=namespace), SHOP))
    assert found == [f'the project "shop" does not allow the destination {told}']


def test_a_cluster_known_by_name_only_is_matched_by_name_only() -> None:
    elsewhere = Application("web", (), Destination("edge", "shop-web"))
    by_server = Project("shop", destinations=(ProjectDestination("*", "", "*"),))
    assert list(faults_of(elsewhere, by_server)) == [
        'the project "shop" does not allow the destination shop-web on edge'
    ]


@pytest.mark.parametrize(
    ("identity", "told"),
    [
        (ObjectId("apps", "Deployment", "shop-web", "web"), ""),
        (ObjectId("", "Secret", "shop-web", "keys"), "does not allow the namespaced kind Secret"),
        (ObjectId("", "ConfigMap", "kube-system", "x"), "does not allow the namespace kube-system"),
        (
            ObjectId("rbac.authorization.k8s.io", "ClusterRole", "", "x"),
            "does not allow the cluster-wide kind rbac.authorization.k8s.io/ClusterRole",
        ),
    ],
)
def test_an_object_is_measured_by_kind_and_namespace(identity: ObjectId, told: str) -> None:
    assert refusal(SHOP, application(), identity) == (told and f'the project "shop" {told}')


@pytest.mark.parametrize(
    ("project", "expected"),
    [
        (UNLIMITED, True),
        (
            Project("a", "", ("*",), (ProjectDestination("", "*", "*"),), (EVERY,), (), (EVERY,)),
            True,
        ),
        (Project("a", "", ("*",), (ProjectDestination("*", "", "*"),)), False),
        (Project("a", "", ("*",), (ProjectDestination("*", "", "a"),), (EVERY,)), False),
        (Project("a", "", ("*", "!x"), (ProjectDestination("*", "", "*"),), (EVERY,)), False),
        (Project("a", "", ("x",), (ProjectDestination("*", "", "*"),), (EVERY,)), False),
        (Project("a", "", ("*",), (ProjectDestination("*", "", "*"),), (EVERY,), (), ()), False),
        (
            Project("a", "", ("*",), (ProjectDestination("*", "", "*"),), (EVERY,), (EVERY,)),
            False,
        ),
        (
            Project(
                "a",
                "",
                ("*",),
                (ProjectDestination("*", "", "*"), ProjectDestination("*", "", "!a")),
                (EVERY,),
            ),
            False,
        ),
    ],
)
def test_only_what_allows_everything_is_unlimited(project: Project, *, expected: bool) -> None:
    assert is_unlimited(project) is expected


ACCOUNTS = (
    ServiceAccount("https://other.example.com", "*", "stranger"),
    ServiceAccount("https://kubernetes.default.svc", "shop-*", "deployer"),
    ServiceAccount("*", "*", "platform:admin"),
)


@pytest.mark.parametrize(
    ("destination", "user"),
    [
        (Destination(namespace="shop-web"), "system:serviceaccount:shop-web:deployer"),
        (Destination(namespace="other"), "system:serviceaccount:platform:admin"),
        (
            Destination("https://other.example.com", "shop-web"),
            "system:serviceaccount:shop-web:stranger",
        ),
        (Destination(), "system:serviceaccount:platform:admin"),
        (Destination("https://other.example.com"), None),
        (Destination("edge", "shop-web"), None),
    ],
)
def test_the_first_account_that_matches_writes(destination: Destination, user: str | None) -> None:
    project = Project("shop", destination_service_accounts=ACCOUNTS)
    assert account_of(project, destination) == user


def test_a_project_without_accounts_names_nobody() -> None:
    assert account_of(SHOP, Destination(namespace="shop-web")) is None
