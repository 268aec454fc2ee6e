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

WINDOWS: Final = """\
## Sync windows

```yaml
spec:
  syncWindows:
    - kind: deny
      schedule: 0 22 * * *
      duration: 8h
      timeZone: Europe/Berlin
      applications: ['*']
      manualSync: true
```

A window is for the applications that one of its lists names (`andOperator`: all of its lists). An
active `deny` counts before everything; where there are `allow` windows, nothing is synced outside
of them. While it is closed, nothing is done by itself: neither syncs nor the repair of drift, which
is a sync too. The status says `a sync window of the project shop is closed until …`; at that moment
what waits goes by itself. `gitops status APP` tells whether the windows are open, until when, and
whether a sync by hand is let through; with `-o json` it shows each window. `gitops sync`,
`rollback`, `approve` and `undelete` are refused, and recorded as refused, unless every window in
the way has `manualSync`. A running sync ends at its next safe point, and the rest goes once it
opens, unless every window in the way has `syncOverrun`.
Not held are deletions of applications, the registration of Applications, and the automatic rollback
after a sync that failed.

`schedule` has cron's five fields: minute, hour, day of the month, month, day of the week (0 to 6, 0
is Sunday), with `*`, lists, ranges, steps (`*/15`, `8-18/2`) and English names of three letters;
where neither day is `*`, one of them is enough. A start in the hour that the clock leaves out comes
as much later; of an hour that it repeats the first counts, and both where the hour is `*`.
"""

ORPHANS: Final = """\
## Orphans

`gitops project orphans shop` lists the objects that belong to no application, in the destination
namespaces of the project's applications: what somebody applied by hand and forgot, what was left
behind by a deletion that spared it. The cluster is asked at that moment, for metadata only, once a
kind and namespace; nothing is watched for it. It needs the right to list; what cannot be listed is
said.

```yaml
spec:
  orphanedResources:
    warn: true
    ignore:
      - kind: ConfigMap
        name: istio-ca-*
```

An orphan has no owner, is of a kind that the project allows, and is held by no application of any
project. The ServiceAccount `default`, the ConfigMap `kube-root-ca.crt` and the Service `kubernetes`
are none, nor are events, endpoints and leases. With `warn` the command exits with 3 where there are
any; Argo CD shows a warning at the application then.
"""

ACCOUNTS: Final = """\
## In whose name objects are written

With the setting `cluster.impersonate` every write (dry-runs, applies, deletions, hooks, actions) of
an application is made in the name of a ServiceAccount, by the header `Impersonate-User`: the first
entry of `destinationServiceAccounts` whose server and namespace match the application's
destination. Where none matches, nothing is written and the status says so; a write without a name
is refused before it is sent. What the account may not do is told with the right that is missing.
The service's own account needs the right to `impersonate` these ServiceAccounts
(`deploy/overlays/impersonation`), and reads and watches with its own rights.

```yaml
spec:
  destinationServiceAccounts:
    - server: https://kubernetes.default.svc
      namespace: shop-*
      defaultServiceAccount: deployer
```
"""


def reference() -> str:
    """The whole page."""
    parts = (
        INTRODUCTION,
        section("apiVersion, kind, metadata", METADATA),
        section("spec", SPEC),
        WINDOWS,
        ORPHANS,
        ACCOUNTS,
    )
    return "\n".join(parts)


if __name__ == "__main__":  # pragma: no cover
    sys.stdout.write(reference())
