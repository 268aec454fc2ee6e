import pytest

from gitops.core.actions.targets import find, find_one
from gitops.errors import InputError, NotFoundError
from gitops.model.objects import ObjectId

WEB = ObjectId("apps", "Deployment", "shop", "web")
OTHER = ObjectId("apps", "Deployment", "test", "web")
MINE = ObjectId("example.com", "Deployment", "shop", "web")
INGRESS = ObjectId("networking.k8s.io", "Ingress", "shop", "door")
POLICY = ObjectId("networking.k8s.io", "NetworkPolicy", "shop", "door")
KNOWN = (MINE, OTHER, WEB, INGRESS, POLICY)


@pytest.mark.parametrize(
    ("text", "namespace", "found"),
    [
        ("deployment/web", "", [WEB, OTHER, MINE]),
        ("Deployment/web", "shop", [WEB, MINE]),
        ("deployments.apps/web", "shop", [WEB]),
        ("deploy/web", "test", [OTHER]),
        ("deployment.example.com/web", "", [MINE]),
        ("apps:Deployment:shop/web", "", [WEB]),
        ("apps:Deployment:web", "test", [OTHER]),
        ("ingresses/door", "", [INGRESS]),
        ("ing/door", "", [INGRESS]),
        ("networkpolicies/door", "", [POLICY]),
        ("deployment/other", "", []),
        ("service/web", "", []),
    ],
)
def test_an_object_is_named_as_kubectl_names_it(
    text: str, namespace: str, found: list[ObjectId]
) -> None:
    assert find(text, namespace, KNOWN) == found


@pytest.mark.parametrize("text", ["web", "/web", "deployment/", "deployment/web/x"])
def test_what_names_no_object_says_how_to(text: str) -> None:
    with pytest.raises(InputError, match="write KIND/NAME, as in deployment/web"):
        find(text, "", KNOWN)


def test_one_object_is_meant() -> None:
    assert find_one("deploy.apps/web", "shop", KNOWN, "demo") == WEB
    with pytest.raises(
        NotFoundError, match='has no object "deployment/no" in shop; `gitops status'
    ):
        find_one("deployment/no", "shop", KNOWN, "demo")
    with pytest.raises(NotFoundError, match='has no object "pod/web-0"; `gitops status demo`'):
        find_one("pod/web-0", "", KNOWN, "demo")
    with pytest.raises(InputError, match="names several objects: apps/Deployment:shop/web, apps"):
        find_one("deployment/web", "", KNOWN, "demo")
