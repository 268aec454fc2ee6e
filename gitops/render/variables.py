"""Argo CD's build environment in settings: `$ARGOCD_APP_NAME` and its like.

In: the application, one of its sources, its checkout, and Kubernetes' versions. Out: the variables,
and texts with them put in. Called by Kustomize's and Helm's settings. Nothing of the process's own
environment is ever put in. A variable that is not known becomes "", as in Argo CD.
"""

import re
from collections.abc import Mapping
from typing import Final

from gitops.model.application import Source
from gitops.ports import Checkout, RenderRequest
from gitops.render.kustomization import without_credentials

_VARIABLE: Final = re.compile(r"\$(?:\{([^}]*)\}|([A-Za-z_][A-Za-z0-9_]*|[*#$@!?\-0-9]))")


def build_variables(
    request: RenderRequest, source: Source, checkout: Checkout
) -> Mapping[str, str]:
    """The variables that Argo CD documents for parameters, images, labels and value files."""
    application = request.application
    sha = checkout.commit.sha
    return {
        "ARGOCD_APP_NAME": application.name,
        "ARGOCD_APP_NAMESPACE": application.destination.namespace,
        "ARGOCD_APP_PROJECT_NAME": application.project,
        "ARGOCD_APP_REVISION": sha,
        "ARGOCD_APP_REVISION_SHORT": sha[:7],
        "ARGOCD_APP_REVISION_SHORT_8": sha[:8],
        "ARGOCD_APP_SOURCE_PATH": source.path,
        "ARGOCD_APP_SOURCE_REPO_URL": without_credentials(source.repo_url),
        "ARGOCD_APP_SOURCE_TARGET_REVISION": source.target_revision,
        "KUBE_VERSION": request.kube_version.removeprefix("v"),
        "KUBE_API_VERSIONS": ",".join(request.api_versions),
    }


def substitute(text: str, variables: Mapping[str, str]) -> str:
    """Put variables in as Go's `os.Expand` does; `$$` is a dollar."""

    def value(match: re.Match[str]) -> str:
        name = match.group(1) if match.group(1) is not None else match.group(2)
        return "$" if name == "$" else variables.get(name, "")

    return _VARIABLE.sub(value, text)
