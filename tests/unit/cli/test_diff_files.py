import json

import jsonpatch
import pytest
import yaml

from gitops.cli.main import run
from gitops.core.schema.known_types import known_fields
from gitops.errors import InputError

DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "namespace": "shop"},
    "spec": {"replicas": 1, "template": {"spec": {"containers": [{"name": "a", "image": "a:1"}]}}},
}
SCALED = {**DEPLOYMENT, "spec": {**DEPLOYMENT["spec"], "replicas": 3}}


def config_map(name, namespace=None, data=None):
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data or {}}


@pytest.fixture
def files(tmp_path):
    def write(**sides):
        arguments = ["diff"]
        for side, bodies in sides.items():
            path = tmp_path / f"{side}.yaml"
            path.write_text(yaml.safe_dump_all(bodies))
            arguments += [f"--{side.replace('_', '-')}", str(path)]
        return arguments

    return write


def answer(capsys, arguments):
    code = run([*arguments, "-o", "json"])
    return code, json.loads(capsys.readouterr().out)


def test_equal_files_end_with_zero(files, capsys):
    code, found = answer(capsys, files(desired=[DEPLOYMENT], actual=[DEPLOYMENT]))
    assert code == 0
    assert [(one["action"], one["modified"]) for one in found] == [("none", False)]
    assert (found[0]["fields"], found[0]["patch"], found[0]["changes"]) == ([], [], [])


def test_a_difference_ends_with_three_and_tells_path_sides_and_owner(files, capsys):
    code, found = answer(capsys, files(desired=[SCALED], actual=[DEPLOYMENT]))
    assert code == 3
    assert found == [
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "namespace": "shop",
            "name": "web",
            "action": "scale",
            "modified": True,
            "changes": ["scale web 1→3"],
            "fields": [
                {
                    "path": "/spec/replicas",
                    "op": "replace",
                    "from": 1,
                    "to": 3,
                    "owner": "defaulted",
                }
            ],
            "patch": [{"op": "replace", "path": "/spec/replicas", "value": 3}],
        }
    ]


def test_order_is_desireds_then_deletions_and_foreign_objects_are_left_out(files, capsys):
    arguments = files(
        desired=[config_map("b"), config_map("a", "x")],
        actual=[config_map("foreign"), config_map("gone", "default"), config_map("a", "x")],
        last_applied=[config_map("gone"), config_map("never-made")],
    )
    _, found = answer(capsys, arguments)
    assert [(one["name"], one["action"]) for one in found] == [
        ("b", "create"),
        ("a", "none"),
        ("gone", "delete"),
    ]


def test_an_object_that_we_applied_and_no_longer_want_is_deleted(files, capsys):
    ours = config_map("ours", "x")
    ours["metadata"]["managedFields"] = [
        {"manager": "gitops", "operation": "Apply", "fieldsV1": {"f:data": {"f:a": {}}}}
    ]
    _, found = answer(capsys, files(desired=[config_map("b", "x")], actual=[ours]))
    assert [one["action"] for one in found] == ["create", "delete"]


@pytest.mark.parametrize(
    ("desired", "actual", "same"),
    [
        (config_map("a"), config_map("a", "default"), True),
        (config_map("a"), config_map("a", "elsewhere"), True),
        (config_map("a", "default"), config_map("a"), True),
        (config_map("a", "x"), config_map("a", "y"), False),
    ],
)
def test_a_missing_namespace_means_default_or_the_only_candidate(
    files, capsys, desired, actual, same
):
    _, found = answer(capsys, files(desired=[desired], actual=[actual]))
    assert [one["action"] for one in found] == ["none" if same else "create"]


def test_a_namespace_on_a_cluster_scoped_kind_does_not_count(files, capsys):
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "r", "namespace": "x"},
    }
    live = {**role, "metadata": {"name": "r"}}
    assert answer(capsys, files(desired=[role], actual=[live]))[0] == 0


def test_a_secrets_values_never_show(files, capsys):
    desired = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "s"},
        "stringData": {"password": "correct-horse"},
    }
    actual = {**desired, "data": {"password": "YmF0dGVyeS1zdGFwbGU="}}
    del actual["stringData"]
    arguments = files(desired=[desired], actual=[actual])
    assert run([*arguments, "-o", "json"]) == 3
    text = capsys.readouterr().out
    assert run(arguments) == 3
    text += capsys.readouterr().out
    for secret in ("correct-horse", "battery-staple", "Y29ycmVjd", "YmF0dGVye"):
        assert secret not in text
    assert "/data/password" in text


def test_ignore_rules_come_from_an_application(files, capsys, tmp_path):
    application = tmp_path / "app.yaml"
    application.write_text(
        yaml.safe_dump(
            {
                "apiVersion": "argoproj.io/v1alpha1",
                "kind": "Application",
                "metadata": {"name": "web"},
                "spec": {
                    "project": "default",
                    "source": {"repoURL": "https://example.com/a.git", "path": "."},
                    "destination": {"name": "in-cluster", "namespace": "x"},
                    "ignoreDifferences": [
                        {"group": "apps", "kind": "Deployment", "jsonPointers": ["/spec/replicas"]}
                    ],
                },
            }
        )
    )
    arguments = files(desired=[SCALED], actual=[DEPLOYMENT])
    assert run([*arguments, "-f", str(application)]) == 0


APPLICATION = {
    "apiVersion": "argoproj.io/v1alpha1",
    "kind": "Application",
    "metadata": {"name": "web"},
    "spec": {
        "project": "default",
        "source": {"repoURL": "https://example.com/a.git", "path": "."},
        "destination": {"name": "in-cluster", "namespace": "x"},
    },
}


def test_ignore_rules_of_the_installation_come_from_a_config_map_beside_it(files, capsys, tmp_path):
    rules = {"resource.customizations.ignoreDifferences.all": "jqPathExpressions: [.spec.replicas]"}
    both = tmp_path / "app.yaml"
    both.write_text(yaml.safe_dump_all([APPLICATION, {**config_map("argocd-cm"), "data": rules}]))
    arguments = files(desired=[SCALED], actual=[DEPLOYMENT])
    assert run([*arguments, "-f", str(both)]) == 0
    both.write_text(yaml.safe_dump_all([APPLICATION]))
    assert run([*arguments, "-f", str(both)]) == 3


def test_what_rules_name_never_shows_whoever_has_them(files, capsys, tmp_path):
    rules = [
        {"kind": "ConfigMap", "jsonPointers": ["/data/token"]},
        {"kind": "ConfigMap", "jqPathExpressions": [".data.b"]},
    ]
    spec = {**APPLICATION["spec"], "maskRules": rules}
    annotations = {"resource.sensitive.mask.annotations": "note"}
    both = tmp_path / "app.yaml"
    both.write_text(
        yaml.safe_dump_all(
            [{**APPLICATION, "spec": spec}, {**config_map("argocd-cm"), "data": annotations}]
        )
    )
    own = {"note": "planted-note", "gitops.dev/mask-paths": "{jsonPointers: [/data/c]}"}
    sides = {}
    for side in ("desired", "actual"):
        values = {key: f"planted-{key}-{side}" for key in ("token", "b", "c")}
        body = config_map("x", "shop", {**values, "open": f"open-{side}"})
        body["metadata"]["annotations"] = {**own, "note": f"planted-note-{side}"}
        sides[side] = [body]
    arguments = [*files(**sides), "-f", str(both)]
    assert run([*arguments, "-o", "json"]) == 3
    text = capsys.readouterr().out
    assert run(arguments) == 3
    text += capsys.readouterr().out
    assert "planted" not in text
    assert "open-desired" in text
    for path in ("/data/token", "/data/b", "/data/c", "/metadata/annotations/note"):
        assert path in text


def test_an_annotation_with_no_rule_in_it_is_told_and_nothing_shown(files, capsys):
    body = config_map("x", "shop", {"a": "planted"})
    body["metadata"]["annotations"] = {"gitops.dev/mask-paths": "paths: /data/a"}
    assert run(files(desired=[body], actual=[config_map("x", "shop")])) == 1
    told = capsys.readouterr()
    assert "ConfigMap shop/x" in told.err
    assert "gitops.dev/mask-paths is no mapping" in told.err
    assert "planted" not in told.out + told.err


def pod_template(cpu):
    container = {"name": "a", "image": "a:1", "resources": {"requests": {"cpu": cpu}}}
    return {"spec": {"containers": [container]}}


def test_a_rollouts_pods_are_compared_as_pods(files, capsys):
    rollout = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "metadata": {"name": "r"}}
    desired = {**rollout, "spec": {"template": pod_template("2000m"), "strategy": {"a": 1}}}
    actual = {**rollout, "spec": {"template": pod_template("2"), "strategy": {"a": 1}}}
    assert answer(capsys, files(desired=[desired], actual=[actual]))[0] == 0
    desired["spec"]["paused"] = None
    assert answer(capsys, files(desired=[desired], actual=[actual]))[0] == 0, "a null is absent"
    actual["spec"]["strategy"] = {"a": 2}
    assert answer(capsys, files(desired=[desired], actual=[actual]))[0] == 3


@pytest.mark.parametrize(
    ("field", "kind", "desired", "actual"),
    [
        ("spec.template.spec", "core/v1/PodSpec", {"template": pod_template("2000m")}, None),
        ("spec.list.spec.containers", "core/v1/Container", {"list": [pod_template("2000m")]}, None),
        ("spec.ram", "core/Quantity", {"ram": "1.25G"}, {"ram": "1250M"}),
        ("spec.every", "meta/v1/Duration", {"every": "8760h"}, {"every": "8760h0m0s"}),
    ],
)
def test_fields_of_known_types_are_compared_by_value(files, capsys, field, kind, desired, actual):
    made = {"apiVersion": "x.io/v1", "kind": "Canary", "metadata": {"name": "c"}}
    actual = actual or json.loads(json.dumps(desired).replace("2000m", "2"))
    arguments = files(desired=[{**made, "spec": desired}], actual=[{**made, "spec": actual}])
    assert answer(capsys, arguments)[0] == 3
    known = yaml.safe_dump([{"field": field, "type": kind}])
    data = {"resource.customizations.knownTypeFields.x.io_Canary": known}
    beside = files(file=[APPLICATION, {**config_map("argocd-cm"), "data": data}])
    assert answer(capsys, [*arguments, *beside[1:]])[0] == 0
    old = yaml.safe_dump({"x.io/Canary": {"knownTypeFields": [{"field": field, "type": kind}]}})
    data = {"resource.customizations": old}
    beside = files(file=[APPLICATION, {**config_map("argocd-cm"), "data": data}])
    assert answer(capsys, [*arguments, *beside[1:]])[0] == 0


@pytest.mark.parametrize("text", ["a: [", "a: b", "- field: spec", "- {field: a, type: core/v9}"])
def test_known_types_that_cannot_be_read_are_told(text):
    with pytest.raises(InputError, match=r"YAML|list|known type"):
        known_fields({"resource.customizations.knownTypeFields.x_Y": text}, "cm.yaml")


@pytest.mark.parametrize(
    ("side", "annotation", "value", "code"),
    [
        ("desired", "kustomize.toolkit.fluxcd.io/ssa", "IfNotPresent", 0),
        ("desired", "kustomize.toolkit.fluxcd.io/ssa", "Ignore", 0),
        ("desired", "kustomize.toolkit.fluxcd.io/ssa", "Merge", 3),
        ("actual", "kustomize.toolkit.fluxcd.io/reconcile", "disabled", 0),
        ("actual", "kustomize.toolkit.fluxcd.io/ssa", "IfNotPresent", 3),
    ],
)
def test_what_annotations_leave_alone_has_no_difference(
    files, capsys, side, annotation, value, code
):
    marked = {"name": "web", "namespace": "shop", "annotations": {annotation: value}}
    sides = {"desired": SCALED, "actual": DEPLOYMENT}
    sides[side] = {**sides[side], "metadata": marked}
    arguments = files(**{name: [body] for name, body in sides.items()})
    assert answer(capsys, arguments)[0] == code


def test_the_patch_gives_desired(files, capsys):
    _, found = answer(capsys, files(desired=[SCALED], actual=[DEPLOYMENT]))
    assert jsonpatch.apply_patch(DEPLOYMENT, found[0]["patch"]) == SCALED


def test_a_custom_resource_is_read_by_the_definition_beside_it(files, capsys):
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"kind": "Widget", "plural": "widgets"},
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "schema": {
                        "openAPIV3Schema": {
                            "type": "object",
                            "properties": {
                                "parts": {
                                    "type": "array",
                                    "x-kubernetes-list-type": "map",
                                    "x-kubernetes-list-map-keys": ["name"],
                                    "items": {
                                        "type": "object",
                                        "properties": {"name": {"type": "string"}},
                                    },
                                }
                            },
                        }
                    },
                }
            ],
        },
    }
    widget = {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w"}}
    desired = {**widget, "parts": [{"name": "a"}]}
    actual = {**widget, "parts": [{"name": "foreign"}, {"name": "a"}]}
    arguments = files(desired=[definition, desired], actual=[definition, actual])
    assert answer(capsys, arguments)[0] == 0


def test_a_list_and_json_are_read(tmp_path, capsys):
    desired, actual = tmp_path / "d.json", tmp_path / "a.json"
    listed = {"apiVersion": "v1", "kind": "List", "items": [SCALED, config_map("a", "x")]}
    desired.write_text(json.dumps(listed))
    actual.write_text(json.dumps({**listed, "items": [DEPLOYMENT]}))
    _, found = answer(capsys, ["diff", "--desired", str(desired), "--actual", str(actual)])
    assert [one["action"] for one in found] == ["scale", "create"]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["diff"], 2, "nothing to compare"),
        (["diff", "--desired", "{file}"], 2, "nothing to compare"),
        (["diff", "web", "--desired", "{file}"], 2, "not both"),
        (["diff", "--desired", "{broken}", "--actual", "{file}"], 1, "broken.yaml"),
        (["diff", "--desired", "{missing}", "--actual", "{file}"], 2, "missing.yaml"),
    ],
)
def test_bad_arguments_are_told(tmp_path, capsys, arguments, code, words):
    file, broken = tmp_path / "file.yaml", tmp_path / "broken.yaml"
    file.write_text(yaml.safe_dump(DEPLOYMENT))
    broken.write_text("a: [")
    places = {"file": file, "broken": broken, "missing": tmp_path / "missing.yaml"}
    assert run([argument.format(**places) for argument in arguments]) == code
    assert words in capsys.readouterr().err


def test_the_table_marks_each_field(files, capsys):
    desired = {**SCALED, "metadata": {**SCALED["metadata"], "labels": {"a": "1"}}}
    last = {**DEPLOYMENT, "spec": {**DEPLOYMENT["spec"], "paused": True}}
    code = run(files(desired=[desired], actual=[last], last_applied=[last]))
    lines = capsys.readouterr().out.splitlines()
    assert code == 3
    assert lines[0].startswith("~ configure Deployment shop/web   scale web 1→3")
    assert "    + metadata.labels.a: '1'" in lines
    assert "    ~ spec.replicas: 1 → 3" in lines
    assert "    - spec.paused: true" in lines
    assert lines[-1] == "1 to configure, 0 unchanged."
