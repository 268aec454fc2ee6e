"""The reference of a project's fields, written from their table.

In: the table. Out: the text of `docs/reference/projects.md`. `python -m gitops.core.projects.doc`
prints it; a test compares.
"""

import sys
from typing import Final

from gitops.core.application.doc import section
from gitops.core.projects.fields import METADATA, SPEC

INTRODUCTION: Final = """\
# Projects

<!-- Written from gitops/core/projects: make no change here. -->

A project says what the applications that name it in `spec.project` may use: which repositories,
which destinations, which kinds. Its shape is that of Argo CD's `AppProject`, and its rules are
Argo CD's too. It is declared where Applications are: in the files of the settings, or with
`gitops create -f`; what an application renders declares no project. `gitops project list` and
`gitops project show` tell which there are.

```yaml
apiVersion: argoproj.io/v1alpha1
kind: AppProject
metadata:
  name: shop
spec:
  description: The shop and its database
  sourceRepos:
    - https://git.example.com/shop/*
    - '!https://git.example.com/shop/experiments'
  destinations:
    - server: https://kubernetes.default.svc
      namespace: shop-*
  clusterResourceWhitelist:
    - group: ''
      kind: Namespace
      name: shop-*
  namespaceResourceBlacklist:
    - group: rbac.authorization.k8s.io
      kind: '*'
```

The project `default` exists and allows everything, until somebody declares it. An application whose
project does not exist, or does not allow its repositories or its destination, is not looked at: its
status says why.

Every object is measured by the project when a plan is made, before the cluster is asked anything
about it: manifests, hooks, generated names, the namespace of `CreateNamespace=true`, what a
rollback or an undelete brings back. One that is not allowed is a fault, and the plan is made again
once the project has changed. What is not allowed any more is not deleted either: it stays, and the
application says so; its deletion leaves such objects behind.

An Application that an application declares belongs to the same project, unless that project allows
everything: whoever may write to a project's repository must not get at what another one allows.

Globs: `*` and `?` stand for characters, `[a-z]` and `[!a-z]` for one of several, `{a,b}` for one of
several texts. In repositories `*` does not go over a slash, `**` does; letter case, `.git` and
credentials do not count. `group`, `kind` and `name` of kinds have `*`, `?`, `[a-z]` and `[^a-z]`.
"""


def reference() -> str:
    """The whole page."""
    return "\n".join(
        (INTRODUCTION, section("apiVersion, kind, metadata", METADATA), section("spec", SPEC))
    )


if __name__ == "__main__":  # pragma: no cover
    sys.stdout.write(reference())
