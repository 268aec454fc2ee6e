from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitops.core.application.fields import FIELDS, SYNC_OPTIONS
from gitops.core.application.spec import is_application, parse_application, read_application
from gitops.errors import ApplicationError
from gitops.model.application import (
    Adopt,
    Application,
    Automated,
    Destination,
    DirectorySource,
    HealthExpressions,
    HelmSource,
    IgnoreRule,
    KindDeadline,
    KustomizeSource,
    PathRule,
    Retry,
    Source,
    SyncPolicy,
)
from gitops.model.objects import Manifest, Place

PLACE = Place("apps/shop.yaml", 7)


def manifest(spec: Any, *, argo: bool = False, **metadata: Any) -> Manifest:
    version = "argoproj.io/v1alpha1" if argo else "gitops.dev/v1alpha1"
    meta = {"name": "shop", **metadata}
    body = {"apiVersion": version, "kind": "Application", "metadata": meta, "spec": spec}
    return Manifest.of(body, PLACE)


def minimal(**spec: Any) -> dict[str, Any]:
    return {"source": {"repoURL": "https://git.example.com/shop.git"}, **spec}


def warnings(m: Manifest) -> list[str]:
    return [warning.message for warning in read_application(m).warnings]


def test_defaults_are_those_of_the_model() -> None:
    application = parse_application(manifest(minimal()))
    assert application == Application(
        name="shop", sources=(Source("https://git.example.com/shop.git"),)
    )


def test_argo_cd_defaults_hold_under_its_api_version() -> None:
    application = parse_application(manifest(minimal(), argo=True))
    assert application.sync_policy == SyncPolicy(
        automated=None, prune_budget=None, adopt=Adopt.AUTO, retry=Retry(limit=5)
    )
    assert application.api_version == "argoproj.io/v1alpha1"


def test_argo_cd_automated_prunes_and_heals_only_when_asked() -> None:
    application = parse_application(manifest(minimal(syncPolicy={"automated": {}}), argo=True))
    assert application.sync_policy.automated == Automated(
        enabled=True, prune=False, self_heal=False, allow_empty=False
    )


def test_argo_cd_retry_without_a_limit_does_not_retry() -> None:
    policy = {"retry": {"refresh": True, "backoff": {"duration": "1s"}}}
    retry = parse_application(manifest(minimal(syncPolicy=policy), argo=True)).sync_policy.retry
    assert retry == Retry(limit=0, duration=timedelta(seconds=1), refresh=True)


def test_automated_can_be_switched_off() -> None:
    policy = {"automated": {"enabled": False}}
    application = parse_application(manifest(minimal(syncPolicy=policy)))
    assert application.sync_policy.automated == Automated(enabled=False)


def test_null_is_absent() -> None:
    spec = minimal(syncPolicy=None, ignoreDifferences=None, dependsOn=None)
    assert parse_application(manifest(spec)) == parse_application(manifest(minimal()))


def test_every_part_reaches_the_model() -> None:
    spec = {
        "project": "shops",
        "sources": [
            {"repoURL": "a", "path": "./x//y/", "directory": {"recurse": True, "exclude": "*.md"}},
            {"repoURL": "b", "kustomize": {"images": ["x=y:1"], "patches": [{"patch": "p"}]}},
            {
                "repoURL": "c",
                "helm": {
                    "valueFiles": ["$v/values.yaml"],
                    "parameters": [{"name": "a", "value": "1"}],
                    "valuesObject": {"a": [1]},
                    "skipCrds": True,
                },
            },
            {"repoURL": "d", "ref": "v", "targetRevision": "v1.*"},
        ],
        "destination": {"server": "https://kubernetes.default.svc/", "namespace": "nohi"},
        "dependsOn": [{"name": "mysql"}, {"name": "redis"}, {"name": "mysql"}],
        "syncPolicy": {
            "healthDeadline": "1h30m",
            "health": {
                "stableFor": "2m",
                "grace": "30s",
                "deadlines": [{"kind": "Job", "deadline": "5m"}],
            },
            "rollback": {"automatic": True},
            "syncOptions": ["CreateNamespace=true"],
            "managedNamespaceMetadata": {"labels": {"a": "b"}, "annotations": {"c": "d"}},
        },
        "ignoreDifferences": [{"kind": "Deployment", "jsonPointers": ["/spec/replicas"]}],
        "maskRules": [{"group": "x", "kind": "*", "jqPathExpressions": [".data.a"]}],
        "healthCheckExprs": [
            {"apiVersion": "x/v1", "kind": "Y", "current": "a", "inProgress": "b", "failed": "c"},
            {"apiVersion": "z/v1", "current": "d"},
        ],
    }
    application = parse_application(manifest(spec, labels={"t": "u"}, annotations={"v": "w"}))
    assert application.health_expressions == (
        HealthExpressions("x/v1", "a", "Y", "b", "c"),
        HealthExpressions("z/v1", "d"),
    )
    parameters = ({"name": "a", "value": "1", "forceString": False},)
    assert application.sources == (
        Source("a", "x/y", directory=DirectorySource(recurse=True, exclude="*.md")),
        Source("b", kustomize=KustomizeSource(images=("x=y:1",), patches=({"patch": "p"},))),
        Source(
            "c",
            helm=HelmSource(
                value_files=("$v/values.yaml",),
                parameters=parameters,
                values_object={"a": [1]},
                skip_crds=True,
            ),
        ),
        Source("d", path="", target_revision="v1.*", ref="v"),
    )
    assert application.destination == Destination("in-cluster", "nohi")
    assert application.depends_on == ("mysql", "redis")
    assert application.sync_policy.health_deadline == timedelta(minutes=90)
    assert application.sync_policy.stable_for == timedelta(minutes=2)
    assert application.sync_policy.health_grace == timedelta(seconds=30)
    job = KindDeadline("Job", timedelta(minutes=5))
    assert application.sync_policy.health_deadlines == (job,)
    assert application.sync_policy.automatic_rollback
    assert application.option("CreateNamespace")
    assert application.sync_policy.managed_namespace_labels == {"a": "b"}
    assert application.sync_policy.managed_namespace_annotations == {"c": "d"}
    assert application.ignore_differences == (
        IgnoreRule(kind="Deployment", json_pointers=("/spec/replicas",)),
    )
    assert application.mask_rules == (PathRule("x", "*", jq_path_expressions=(".data.a",)),)
    assert (application.labels, application.annotations) == ({"t": "u"}, {"v": "w"})


def test_another_server_is_named_by_its_address() -> None:
    spec = minimal(destination={"server": "https://10.0.0.1:6443"})
    assert parse_application(manifest(spec)).destination.name == "https://10.0.0.1:6443"


def test_empty_tool_settings_leave_the_tool_to_be_detected() -> None:
    source = {"repoURL": "a", "directory": {"jsonnet": {}, "recurse": False}, "helm": {}}
    (built,) = parse_application(manifest({"source": source}, argo=True)).sources
    assert built == Source("a")


@pytest.mark.parametrize("suffix", ["", "/background", "/foreground"])
def test_the_finalizer_asks_for_a_cascading_delete(suffix: str) -> None:
    finalizer = f"resources-finalizer.argocd.argoproj.io{suffix}"
    assert parse_application(manifest(minimal(), finalizers=[finalizer])).finalize
    assert not parse_application(manifest(minimal(), finalizers=["other"])).finalize


def test_what_has_no_effect_is_a_warning() -> None:
    spec = minimal(info=[{"name": "x"}], revisionHistoryLimit=3, sources=[{"repoURL": "b"}])
    spec["syncPolicy"] = {"syncOptions": ["Prunee=false", "Replace"]}
    m = manifest(spec, argo=True)
    assert warnings(m) == [
        "spec.info has no effect here: notes for Argo CD's pages",
        (
            "spec.revisionHistoryLimit has no effect here: "
            "the history limit of Argo CD; ours is a setting"
        ),
        "spec.source has no effect beside spec.sources",
        (
            "spec.syncPolicy.syncOptions[0] 'Prunee=false' is not known and has no effect; "
            "the nearest is Prune=…"
        ),
        (
            "spec.syncPolicy.syncOptions[1] 'Replace' is not known and has no effect; "
            "the nearest is Replace=…"
        ),
    ]
    assert [s.repo_url for s in parse_application(m).sources] == ["b"]


def test_what_an_api_server_wrote_is_silent() -> None:
    m = manifest(minimal(), namespace="argocd", uid="1", managedFields=[], creationTimestamp=None)
    assert warnings(m) == []


def test_status_and_operation_are_warnings() -> None:
    body = {**manifest(minimal()).body, "status": {"a": 1}, "operation": {"sync": {}}}
    assert len(warnings(Manifest.of(body))) == 2


def test_parsing_raises_every_fault_with_its_place() -> None:
    with pytest.raises(ApplicationError) as caught:
        parse_application(manifest(minimal(projet="a", syncPolicy={"adopt": 1})))
    assert str(caught.value) == (
        "apps/shop.yaml:7: Application shop: 2 faults: spec.projet is not a known field; the "
        "nearest is spec.project; spec.syncPolicy.adopt must be a string, not 1; "
        "docs/reference/application.md lists every field"
    )


def test_one_fault_without_a_place_is_one_sentence() -> None:
    body = {"apiVersion": "v1", "kind": "Application"}
    with pytest.raises(ApplicationError) as caught:
        parse_application(Manifest.of(body))
    assert caught.value.where is None
    assert caught.value.message.startswith("Application without a name: apiVersion is 'v1'")


@pytest.mark.parametrize(
    ("api_version", "kind", "expected"),
    [
        ("gitops.dev/v1alpha1", "Application", True),
        ("argoproj.io/v1alpha1", "Application", True),
        ("argoproj.io/v1alpha1", "AppProject", False),
        ("app.k8s.io/v1beta1", "Application", False),
    ],
)
def test_an_application_is_known_by_group_and_kind(
    api_version: str, kind: str, *, expected: bool
) -> None:
    body = {"apiVersion": api_version, "kind": kind}
    assert is_application(Manifest.of(body)) is expected


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from([row.name for row in FIELDS] + list(SYNC_OPTIONS)), inner, max_size=5
        )
    ),
    max_leaves=25,
)


@given(spec=JSON, argo=st.booleans())
def test_no_spec_raises_anything_but_faults(spec: Any, *, argo: bool) -> None:
    result = read_application(manifest(spec, argo=argo))
    assert (result.application is None) == bool(result.faults)
