"""What an application and its objects ask of a sync: `Prune=false`, `Replace=true` and the like.

In: manifests, desired or live, and an application's `spec.syncPolicy.syncOptions`. Out: the options
that hold for an object, each name once. Where two places name an option the first of these wins:
`gitops.dev/sync-options`, our words (`gitops.dev/prune`), Argo CD's `sync-options`, Flux's words,
Helm's `resource-policy`, the application. Called by the planner, the guards and the engine.

Sources: Argo CD docs/user-guide/sync-options.md; Flux docs Kustomization, "Controlling the apply
behavior of resources", and fluxcd/pkg ssa manager_apply.go for where they are read.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, Literal

from gitops.core.application.fields import SYNC_OPTIONS
from gitops.model.objects import Manifest

OURS: Final = "gitops.dev/"
ARGO: Final = "argocd.argoproj.io/"
FLUX: Final = "kustomize.toolkit.fluxcd.io/"
HELM_KEEP: Final = "helm.sh/resource-policy"
SYNC_OPTIONS_NAME: Final = "sync-options"
COMPARE_OPTIONS_NAME: Final = "compare-options"
COMPARE_OPTIONS: Final = frozenset({"IgnoreExtraneous", "ServerSideDiff", "IncludeMutationWebhook"})
"""Argo CD's. The last two change nothing: a dry run of the server settles what differs anyway."""

KEPT: Final = ("Prune=false", "Delete=false")

WORDS: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    "ssa": {
        "override": ("CreateOnly=false", "Reconcile=true", "ClientSideApplyMigration=true"),
        "merge": ("CreateOnly=false", "Reconcile=true", "ClientSideApplyMigration=false"),
        "ifnotpresent": ("CreateOnly=true",),
        "ignore": ("Reconcile=false", *KEPT),
    },
    "prune": {"enabled": ("Prune=true", "Delete=true"), "disabled": KEPT},
    "force": {"enabled": ("Force=true",), "disabled": ("Force=false",)},
    "reconcile": {"enabled": ("Reconcile=true",), "disabled": ("Reconcile=false", *KEPT)},
}
"""Flux's annotations (labels count too there), which are read under our prefix as well."""

_SPEAKING: Final = frozenset({
    HELM_KEEP, *(f"{prefix}{SYNC_OPTIONS_NAME}" for prefix in (OURS, ARGO)),
    *(f"{prefix}{word}" for prefix in (OURS, FLUX) for word in WORDS),
})  # fmt: skip
"""Every annotation or label that says something; hardly any object has one."""

Propagation = Literal["Foreground", "Background", "Orphan"]
PROPAGATIONS: Final[Mapping[str, Propagation]] = {
    "foreground": "Foreground",
    "background": "Background",
    "orphan": "Orphan",
}


def options_of(manifest: Manifest) -> frozenset[str]:
    """The options that an object's own annotations give it."""
    annotations, labels = manifest.annotations, manifest.labels
    if _SPEAKING.isdisjoint(annotations) and _SPEAKING.isdisjoint(labels):
        return frozenset()
    kept = annotations.get(HELM_KEEP, "").strip().lower() == "keep"
    places = (
        KEPT if kept else (),
        _words_under(FLUX, {**labels, **annotations}),
        _listed(annotations.get(f"{ARGO}{SYNC_OPTIONS_NAME}", "")),
        _words_under(OURS, annotations),
        _listed(annotations.get(f"{OURS}{SYNC_OPTIONS_NAME}", "")),
    )
    return _last_of_each(option for place in places for option in place)


def merge_options(own: Iterable[str], application: Iterable[str]) -> frozenset[str]:
    """The options that hold for an object: its own before its application's."""
    return _last_of_each((*sorted(application), *own))


def is_on(options: Iterable[str], name: str, *, default: bool = False) -> bool:
    """Whether an option is `true`; `default` where neither `true` nor `false` is said."""
    given = frozenset(options)
    return f"{name}=true" in given or (default and f"{name}=false" not in given)


def is_left_alone(live: Manifest) -> bool:
    """Whether a live object's annotations say that nobody changes it (`reconcile: disabled`)."""
    return "Reconcile=false" in options_of(live)


def is_extraneous_by_wish(live: Manifest) -> bool:
    """Whether a live object asks not to count where Git has it not: `IgnoreExtraneous`."""
    return any("IgnoreExtraneous" in options for _, options in _compare_options(live))


def _compare_options(manifest: Manifest) -> Iterator[tuple[str, list[str]]]:
    for prefix in (OURS, ARGO):
        key = f"{prefix}{COMPARE_OPTIONS_NAME}"
        yield key, _listed(manifest.annotations.get(key, ""))


def propagation(options: Iterable[str]) -> Propagation:
    """How what an object owns goes with it: `PrunePropagationPolicy`, foreground by default."""
    for option in sorted(options):
        name, _, value = option.partition("=")
        if name == "PrunePropagationPolicy" and value.lower() in PROPAGATIONS:
            return PROPAGATIONS[value.lower()]
    return "Foreground"


def option_remarks(manifest: Manifest) -> Iterator[str]:
    """What an object's annotations ask that nobody knows, in sentences."""
    annotations = manifest.annotations
    for prefix in (OURS, ARGO):
        key = f"{prefix}{SYNC_OPTIONS_NAME}"
        for option in _listed(annotations.get(key, "")):
            name, _, value = option.partition("=")
            if name not in SYNC_OPTIONS or not value:
                yield f"{key}: {option[:63]!r} is not a known option; it has no effect"
    yield from _compare_remarks(manifest)
    for prefix in (OURS, FLUX):
        for word, values in WORDS.items():
            given = annotations.get(f"{prefix}{word}", "")
            if given and given.strip().lower() not in values:
                yield f"{prefix}{word}: {given[:63]!r} is not a known value; it has no effect"


def _compare_remarks(manifest: Manifest) -> Iterator[str]:
    for key, options in _compare_options(manifest):
        for option in options:
            if option.partition("=")[0] not in COMPARE_OPTIONS:
                yield f"{key}: {option[:63]!r} is not a known option; it has no effect"


def _words_under(prefix: str, marks: Mapping[str, str]) -> Iterator[str]:
    for word, values in WORDS.items():
        yield from values.get(marks.get(f"{prefix}{word}", "").strip().lower(), ())


def _listed(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _last_of_each(options: Iterable[str]) -> frozenset[str]:
    return frozenset({option.partition("=")[0]: option for option in options}.values())
