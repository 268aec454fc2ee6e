# ruff: noqa: E501 - rows of a table in Markdown cannot be wrapped
"""The reference of an Application's fields, written from their table.

In: the table. Out: the text of `docs/reference/application.md`. `python -m
gitops.core.application.doc` prints it; a test compares.
"""

import json
import sys
from collections.abc import Sequence
from typing import Any, Final

from gitops.core.application.fields import (
    METADATA,
    POLICY,
    SAME,
    SPEC,
    SYNC_OPTIONS,
    Field,
    Support,
)

INTRODUCTION: Final = """\
# Application

<!-- Written from the table in gitops/core/application/fields.py: make no change here. -->

An Application says what is to run where. Its shape is that of Argo CD's `Application`, with a few
fields more; `apiVersion` is `gitops.dev/v1alpha1`, or `argoproj.io/v1alpha1`, under which Argo CD's
defaults hold. A field that is not listed is an error; a value of another type is an error; null
is the same as an absent field. Durations are written as `90s`, `5m`, `1h30m`; a number in quotes
counts seconds.

```yaml
apiVersion: gitops.dev/v1alpha1
kind: Application
metadata:
  name: myblog
spec:
  source:
    repoURL: https://git.example.com/shop.git
    targetRevision: main
    path: apps/myblog
  destination:
    namespace: nohi
  dependsOn:
    - name: mysql
  syncPolicy:
    rollback:
      automatic: true
    syncOptions:
      - CreateNamespace=true
```

The default under `argoproj.io/v1alpha1` is given only where it is another one.

A source's folder may hold `.argocd-source.yaml`, and `.argocd-source-<application>.yaml` for one
application: a merge patch over `directory`, `kustomize` and `helm`; the latter file wins.
"""

ANNOTATIONS: Final = """\
## Annotations of objects

What an object's annotations ask is read under `gitops.dev/` and under `argocd.argoproj.io/`; where
both say something, ours is taken.

| annotation | meaning |
|---|---|
| `hook` | `PreSync`, `Sync`, `PostSync`, `SyncFail`, `PreDelete`, `PostDelete`, with commas between; `Skip` is never applied |
| `hook-delete-policy` | `BeforeHookCreation` (the default), `HookSucceeded`, `HookFailed` |
| `hook-on-rollback` | `"true"`: an automatic rollback runs this `PreSync`, `Sync` or `PostSync` hook, too; under `gitops.dev/` only |
| `sync-wave` | an integer, 0 when absent; lower waves first |
| `sync-options` | options for this object, with commas between |
| `compare-options` | `IgnoreExtraneous`: an object that Git no longer has and that was not pruned is shown, and does not make its application OutOfSync; `ServerSideDiff=…` and `IncludeMutationWebhook=…` are accepted, and change nothing: what differs is settled by a dry run of the API server here anyway |
| `ignore-healthcheck` | `"true"`: the object does not count in its application's health |
| `ignore-differences` | YAML with `jsonPointers`: places of this object that are not compared |
| `mask-paths` | YAML with `jsonPointers` and `jqPathExpressions`: values of this object that never show; under `gitops.dev/` only |

`SyncFail` hooks run whenever a sync ends as failed once it has begun to write: what was refused, what
was not healthy in time, and what the retries or the time did not suffice for. A sync that a newer
commit takes over, or that is stopped, has not failed.

An automatic rollback runs no hooks but those that say `gitops.dev/hook-on-rollback: "true"`: a
migration, say, is made for going forward. `gitops rollback` runs the hooks of its revision, as a sync does.

`PreDelete` and `PostDelete` hooks run when the application is deleted, from the manifests rendered
last, and are removed when they succeed; where one before it fails, nothing is deleted, until
somebody deletes the application again (the hook runs again) or with `--orphan`.

A hook's object carries the finalizer `gitops.dev/hook-finalizer` until its end was seen: one that
is deleted meanwhile counts as it ended, and has failed where it had not.

Helm's hooks count too, unless a manifest of the application has a hook of ours or of Argo CD's:
`pre-install` and `pre-upgrade` are PreSync, `post-install` and `post-upgrade` PostSync,
`pre-delete` PreDelete, `post-delete` PostDelete; `hook-weight` is the wave; tests and rollback
hooks never run. `helm.sh/resource-policy: keep` means `Prune=false` and `Delete=false`.

Flux's words are read under `kustomize.toolkit.fluxcd.io/` (annotations and labels) and, as
annotations, under `gitops.dev/`:

| word | value | the options that it stands for |
|---|---|---|
| `ssa` | `IfNotPresent` | `CreateOnly=true` |
| `ssa` | `Merge` | `ClientSideApplyMigration=false` |
| `ssa` | `Ignore` | `Reconcile=false`, `Prune=false`, `Delete=false` |
| `ssa` | `Override` | none of these: the default |
| `prune` | `disabled` | `Prune=false`, `Delete=false` |
| `force` | `enabled` | `Force=true` |
| `reconcile` | `disabled` | `Reconcile=false`, `Prune=false`, `Delete=false` |

`reconcile: disabled` (and `Reconcile=false`) counts on the live object too: as long as somebody has
annotated it, nobody changes it. Whether an object may be deleted is read off the live object, for
its manifest is gone.

An Application's annotation `gitops.dev/deletion-approved` (or Argo CD's, under
`argocd.argoproj.io/`) holds a time, as `2026-11-20T18:00:00Z`: what a sync before it holds for
`Prune=confirm` is deleted. It says nothing about what is held later.

Where several places name an option, the first of these counts:

1. `gitops.dev/sync-options`
2. `gitops.dev/ssa`, `prune`, `force`, `reconcile`
3. `argocd.argoproj.io/sync-options`
4. Flux's words
5. `helm.sh/resource-policy`
6. the application's `spec.syncPolicy.syncOptions`
"""


def reference() -> str:
    """The whole page."""
    spec = [row for row in SPEC if row not in POLICY]
    sources = [row for row in spec if row.path.startswith("spec.source.")]
    rest = [row for row in spec if not row.path.startswith(("spec.source.", "spec.sources[]."))]
    parts = [
        INTRODUCTION,
        section("apiVersion, kind, metadata", METADATA),
        section("spec", rest),
        section("spec.source, and each of spec.sources", sources),
        section("spec.syncPolicy", POLICY),
        _options(),
        ANNOTATIONS,
    ]
    return "\n".join(parts)


def section(title: str, rows: Sequence[Field]) -> str:
    """One table of fields with its heading."""
    lines = ["| field | type | default | under argoproj.io | meaning |", "|---|---|---|---|---|"]
    lines += [_row(row) for row in rows]
    return f"## {title}\n\n" + "\n".join(lines) + "\n"


def _row(row: Field) -> str:
    argo = "" if row.argo is SAME else _value(row.argo)
    cells = (f"`{row.path}`", _type(row), _default(row), argo, _meaning(row))
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _type(row: Field) -> str:
    if row.support is not Support.YES:
        return ""
    if row.choices:
        return " or ".join(f"`{choice}`" for choice in row.choices)
    return {"object": "map", "objects": "list of maps", "strings": "list of strings"}.get(
        row.type, row.type
    )


def _default(row: Field) -> str:
    if row.required:
        return "required"
    return "" if row.default in (None, {}, []) else _value(row.default)


def _value(value: Any) -> str:
    return "none" if value is None else f"`{json.dumps(value)}`"


def _meaning(row: Field) -> str:
    said = row.doc
    if row.support is Support.NOT_YET:
        said = f"Not supported yet. {said}"
    elif row.support is Support.IGNORED:
        said = f"Ignored, with a warning. {said}"
    elif row.support is Support.SILENT:
        said = f"Ignored. {said}"
    least = f" At least {row.least}{'s' if row.type == 'duration' else ''}." if row.least else ""
    return said + least


def _options() -> str:
    lines = ["| option | meaning |", "|---|---|"]
    lines += [f"| `{name}` | {meaning} |" for name, meaning in SYNC_OPTIONS.items()]
    title = "## Sync options\n\nOf an application in `spec.syncPolicy.syncOptions`, of an object in"
    return f"{title} an annotation, as `Name=value`.\n\n" + "\n".join(lines) + "\n"


if __name__ == "__main__":  # pragma: no cover
    sys.stdout.write(reference())
