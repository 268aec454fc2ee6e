"""Argo CD's build environment (peers F15)."""

import pytest

from gitops.render.variables import build_variables, substitute
from tests.helpers.trees import SHA, MemoryCheckout, at, request


def test_variables_are_those_that_argo_cd_documents() -> None:
    source = at("app", target_revision="main")
    asked = request({}, source, name="shop", namespace="ns")
    assert build_variables(asked, source, MemoryCheckout({})) == {
        "ARGOCD_APP_NAME": "shop",
        "ARGOCD_APP_NAMESPACE": "ns",
        "ARGOCD_APP_PROJECT_NAME": "default",
        "ARGOCD_APP_REVISION": SHA,
        "ARGOCD_APP_REVISION_SHORT": SHA[:7],
        "ARGOCD_APP_REVISION_SHORT_8": SHA[:8],
        "ARGOCD_APP_SOURCE_PATH": "app",
        "ARGOCD_APP_SOURCE_REPO_URL": "https://git.example.com/shop.git",
        "ARGOCD_APP_SOURCE_TARGET_REVISION": "main",
        "KUBE_VERSION": "1.36.3",
        "KUBE_API_VERSIONS": "",
    }


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("$A", "1"),
        ("x-${A}-y", "x-1-y"),
        ("$A_B", "2"),
        ("$NONE.", "."),
        ("$$A", "$A"),
        ("$", "$"),
        ("a$ b", "a$ b"),
        ("$HOME", ""),
        ("${}", ""),
        ("$1", ""),
    ],
)
def test_texts_are_expanded_as_go_does_it(text: str, result: str) -> None:
    assert substitute(text, {"A": "1", "A_B": "2"}) == result
