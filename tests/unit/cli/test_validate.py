"""`gitops validate` on files and folders."""

import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from gitops.cli.main import run

GOOD = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"
BAD = "apiVersion: v1\nkind: ConfigMap\nmetadata: {nmae: a}\n"
FLUX = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nspec: {path: ./x}\n"
UNFINISHED = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec: {replicaz: 1}\n"


def write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_yaml", ".yaml")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def validate(path: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, list[dict[str, Any]]]:
    code = run(["validate", str(path), "-o", "json"])
    return code, json.loads(capsys.readouterr().out)


def test_no_fault_is_an_empty_array_and_exit_0(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, a_yaml=GOOD)

    assert validate(tmp_path, capsys) == (0, [])
    assert run(["validate", str(tmp_path)]) == 0
    assert capsys.readouterr().out == ""


def test_faults_are_an_array_sorted_by_file_and_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(
        tmp_path,
        b_yaml=BAD,
        sub__a_yaml=GOOD.replace("name: a", "name: b") + "---\n" + BAD,
        c_yaml="a: [\n" + GOOD,
    )

    code, faults = validate(tmp_path, capsys)

    assert code == 1
    assert faults[0] == {
        "path": str(tmp_path / "b.yaml"),
        "line": 3,
        "column": 12,
        "code": "unknown-field",
        "message": 'unknown field "metadata.nmae", did you mean "name"?',
    }
    assert [(Path(f["path"]).name, f["line"], f["code"]) for f in faults[1:]] == [
        ("c.yaml", 3, "syntax"),
        ("a.yaml", 7, "unknown-field"),
    ]


def test_a_table_is_one_line_a_fault(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, b_yaml=BAD)

    assert run(["validate", str(tmp_path / "b.yaml")]) == 1

    expected = f'{tmp_path}/b.yaml:3:12: unknown field "metadata.nmae", did you mean "name"?'
    assert capsys.readouterr().out == f"{expected} [unknown-field]\n"


def test_files_that_are_no_manifests_are_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(
        tmp_path,
        _github__ci_yaml="on: push\n",
        **{".git/x.yaml": BAD, "package.json": "{}", "values_yaml": "a: 1\n", "notes.txt": BAD},
    )
    write(
        tmp_path / "chart",
        Chart_yaml="apiVersion: v2\nname: a\nversion: 1.0.0\n",
        templates__a_yaml="apiVersion: v1\nkind: Pod\nmetadata: {name: {{ .x }}}\n",
        values_yaml="kind: x\n",
        crds__a_yaml=BAD,
    )

    _, faults = validate(tmp_path, capsys)

    assert [f["path"] for f in faults] == [str(tmp_path / "chart" / "crds" / "a.yaml")]


def test_a_file_named_on_the_command_line_must_hold_objects(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, values_yaml="a: 1\n")

    code, faults = validate(tmp_path / "values.yaml", capsys)

    assert code == 1
    assert faults[0]["code"] == "not-an-object"


def test_patches_of_a_kustomization_are_no_objects(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kustomization = (
        "resources: [a.yaml]\npatches: [{path: p.yaml}, {patch: '- op: x'}]\n"
        "patchesStrategicMerge: [q.yaml, '$patch: delete']\nhelmCharts: [{valuesFile: v.yaml}]\n"
        "configMapGenerator: [{files: [c=c.yaml]}, x]\npatchesJson6902: [{path: r.yaml}]\n"
    )
    files = dict.fromkeys(("p_yaml", "q_yaml", "r_yaml", "v_yaml", "c_yaml"), BAD)
    write(tmp_path, kustomization_yaml=kustomization, a_yaml=UNFINISHED, **files)

    _, faults = validate(tmp_path, capsys)

    assert [(Path(f["path"]).name, f["code"]) for f in faults] == [("a.yaml", "unknown-field")]


def test_patches_may_stand_in_another_folder_and_broken_kustomizations_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path / "overlay", kustomization_yaml="patches: [{path: ../z/p.yaml}]\n")
    write(tmp_path / "z", p_yaml=BAD)
    write(tmp_path / "broken", kustomization_yaml="a: [\n", a_yaml=GOOD)
    (tmp_path / "latin").mkdir()
    (tmp_path / "latin" / "kustomization.yaml").write_bytes(b"\xff")

    code, faults = validate(tmp_path, capsys)

    told = [(str(Path(f["path"]).relative_to(tmp_path)), f["code"]) for f in faults]
    assert code == 1
    assert told == [
        ("broken/kustomization.yaml", "syntax"),
        ("latin/kustomization.yaml", "encoding"),
    ]


KUSTOMIZATION = """\
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resource: [a.yaml]
resources: [a.yaml, below, https://git.example/x, "github.com/a/b?ref=v1",
  nope.yaml]
components: [gone]
patches: [{patch: "- op: x"}, {path: p.yaml}]
configMapGenerator: [{name: c, files: [k=a.yaml, f.txt], envs: [e.env]}]
"""


def test_kustomizations_are_checked_for_unknown_fields_and_missing_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, kustomization_yaml=KUSTOMIZATION, a_yaml=GOOD)
    write(tmp_path / "below", kustomization_yaml="resources: [../a.yaml]\n")
    write(tmp_path / "flux", kustomization_yaml=FLUX)

    code, faults = validate(tmp_path, capsys)

    assert code == 1
    assert [(f["line"], f["column"], f["code"], f["message"]) for f in faults] == [
        (3, 1, "unknown-field", 'unknown field "resource"'),
        (5, 3, "missing-file", 'resources[4] names "nope.yaml", which does not exist'),
        (6, 14, "missing-file", 'components[0] names "gone", which does not exist'),
        (7, 38, "missing-file", 'patches[1].path names "p.yaml", which does not exist'),
        (
            8,
            50,
            "missing-file",
            'configMapGenerator[0].files[1] names "f.txt", which does not exist',
        ),
        (
            8,
            65,
            "missing-file",
            'configMapGenerator[0].envs[0] names "e.env", which does not exist',
        ),
    ]
    assert validate(tmp_path / "kustomization.yaml", capsys)[1] == faults


@pytest.mark.parametrize(
    ("text", "code"), [("", "missing-field"), ("- a\n", "not-an-object"), ("[", "syntax")]
)
def test_a_kustomization_that_is_none_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, code: str
) -> None:
    write(tmp_path, kustomization_yaml=text)

    assert [fault["code"] for fault in validate(tmp_path, capsys)[1]] == [code]


def test_one_object_may_be_declared_in_two_folders_but_not_in_two_files_of_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, one__a_yaml=GOOD, two__a_yaml=GOOD)
    assert validate(tmp_path, capsys) == (0, [])

    write(tmp_path, one__b_yaml=GOOD)
    _, faults = validate(tmp_path, capsys)
    assert [f["code"] for f in faults] == ["duplicate-object"]


def test_a_crd_in_another_folder_counts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    crd = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "foos.example.com"},
        "spec": {
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"kind": "Foo", "plural": "foos"},
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "schema": {
                        "openAPIV3Schema": {
                            "type": "object",
                            "properties": {
                                "spec": {"type": "object", "properties": {"a": {"type": "string"}}}
                            },
                        }
                    },
                }
            ],
        },
    }
    foo = "apiVersion: example.com/v1\nkind: Foo\nmetadata: {name: a}\nspec: {a: 1, b: 2}\n"
    write(tmp_path, one__crd_yaml=json.dumps(crd), two__a_yaml=foo)

    _, faults = validate(tmp_path, capsys)

    assert [f["code"] for f in faults] == ["wrong-type", "unknown-field"]


def test_other_encodings_and_missing_paths_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.yaml").write_bytes("a: ä\n".encode("latin-1"))

    code, faults = validate(tmp_path, capsys)

    assert (code, faults[0]["code"]) == (1, "encoding")
    assert run(["validate", str(tmp_path / "none"), "-o", "json"]) == 2
    assert json.loads(capsys.readouterr().err)["error"]["code"] == "usage"


def test_sarif_names_the_rule_and_the_place_of_each_fault(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, **{"a b/c_yaml": BAD})
    monkeypatch.chdir(tmp_path)

    assert run(["validate", ".", "-o", "sarif"]) == 1

    log = json.loads(capsys.readouterr().out)
    assert log["version"] == "2.1.0"
    assert log["runs"][0]["tool"]["driver"]["rules"] == [{"id": "unknown-field"}]
    assert log["runs"][0]["results"] == [
        {
            "ruleId": "unknown-field",
            "level": "error",
            "message": {"text": 'unknown field "metadata.nmae", did you mean "name"?'},
            "locations": [
                {
                    "physicalLocation": {
                        "artifactLocation": {"uri": "a%20b/c.yaml"},
                        "region": {"startLine": 3, "startColumn": 12},
                    }
                }
            ],
        }
    ]
    (tmp_path / "a b" / "c.yaml").write_text(GOOD)
    assert run(["validate", ".", "-o", "sarif"]) == 0
    assert json.loads(capsys.readouterr().out)["runs"][0]["results"] == []


def test_junit_has_a_failure_a_fault_and_a_case_a_file_without_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, a_yaml=GOOD, b_yaml=BAD.replace("nmae: a", '"\\x1b<": a, name: b'))
    monkeypatch.chdir(tmp_path)

    assert run(["validate", ".", "-o", "junit"]) == 1

    root = ET.fromstring(capsys.readouterr().out)
    assert (root.get("tests"), root.get("failures")) == ("2", "1")
    passed, failed = root.iter("testcase")
    assert (passed.get("classname"), list(passed)) == ("a.yaml", [])
    assert (failed.get("classname"), failed.get("line")) == ("b.yaml", "3")
    assert failed[0].get("type") == "unknown-field"
    assert "\\x1b<" in str(failed[0].get("message"))
