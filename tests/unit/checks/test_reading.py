from pathlib import Path

import pytest

from gitops.checks.reading import read_checks
from gitops.core.health.checks import CelCheck, Check, CheckBook, LuaCheck
from gitops.errors import InputError

CONFIG = """
apiVersion: v1
kind: ConfigMap
metadata: {name: argocd-cm}
data:
  url: https://argocd.example.com
  resource.customizations.useOpenLibs.example.com_Widget: "true"
  resource.customizations.ignoreDifferences.all: "jsonPointers: [/spec/x]"
  resource.customizations.health.example.com_Widget: widget
  resource.customizations.health.Pod: pod
  resource.customizations.health.empty.com_Widget: ""
  resource.customizations: |
    example.com/Widget:
      health.lua: the old key gives way
    apps/Deployment:
      health.lua: deployment
      ignoreDifferences: ""
    "*.example.com/*":
      health.lua: any of example.com
    "*.eu.example.com/*":
      health.lua: any of eu
    example.org/?idget:
      health.lua: one letter
"""
FLUX = """
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: apps}
spec:
  healthCheckExprs:
    - {apiVersion: cel.example.com/v1, kind: Widget, current: a, failed: b}
    - {apiVersion: cel.example.com/v1, current: any kind}
    - {apiVersion: v1, kind: Secret, current: c, inProgress: d}
"""

TWICE = "{apiVersion: a/v1, kind: P, current: x}"


def found(book: CheckBook, api_version: str, kind: str) -> Check | None:
    return book.find({"apiVersion": api_version, "kind": kind})


def source(book: CheckBook, api_version: str, kind: str) -> str:
    check = found(book, api_version, kind)
    assert isinstance(check, LuaCheck)
    return check.source


def test_a_config_map_of_argo_cd_is_read(tmp_path: Path) -> None:
    (tmp_path / "argocd-cm.yaml").write_text(CONFIG)
    for place in (tmp_path, tmp_path / "argocd-cm.yaml"):
        book = read_checks([place])
        assert source(book, "example.com/v1beta1", "Widget") == "widget"
        assert source(book, "v1", "Pod") == "pod"
        assert source(book, "apps/v1", "Deployment") == "deployment"
        assert source(book, "a.example.com/v1", "Gadget") == "any of example.com"
        assert source(book, "a.eu.example.com/v1", "Gadget") == "any of eu"
        assert source(book, "example.org/v1", "Gidget") == "one letter"
        assert found(book, "empty.com/v1", "Widget") is None
        assert found(book, "apps/v1", "DaemonSet") is None


def test_a_check_names_its_key_and_file(tmp_path: Path) -> None:
    (tmp_path / "cm.yaml").write_text(CONFIG)
    check = found(read_checks([tmp_path]), "v1", "Pod")
    assert check is not None
    assert check.where == f"resource.customizations.health.Pod in {tmp_path}/cm.yaml"


def test_a_check_for_all_kinds(tmp_path: Path) -> None:
    file = tmp_path / "cm.yaml"
    file.write_text("kind: ConfigMap\ndata: {resource.customizations.health.all: any}\n")
    assert source(read_checks([file]), "apps/v1", "Deployment") == "any"


def test_expressions_of_flux_are_read(tmp_path: Path) -> None:
    (tmp_path / "apps.yaml").write_text(FLUX)
    book = read_checks([tmp_path])
    where = f"healthCheckExprs[0] in {tmp_path}/apps.yaml"
    assert found(book, "cel.example.com/v2", "Widget") == CelCheck("a", "", "b", where)
    any_kind = found(book, "cel.example.com/v1", "Gadget")
    assert isinstance(any_kind, CelCheck)
    assert any_kind.current == "any kind"
    assert found(book, "v1", "Pod") is None
    (tmp_path / "plain.yml").write_text(
        "healthCheckExprs: [{apiVersion: v1, kind: Pod, current: x}]"
    )
    assert found(read_checks([tmp_path / "plain.yml"]), "v1", "Pod") is not None


def test_the_first_place_wins(tmp_path: Path) -> None:
    folder = tmp_path / "checks" / "apps" / "Deployment"
    folder.mkdir(parents=True)
    (folder / "health.lua").write_text("of the folder")
    config = tmp_path / "argocd-cm.yaml"
    config.write_text(CONFIG)
    assert source(read_checks([tmp_path / "checks", config]), "apps/v1", "Deployment") == (
        "of the folder"
    )
    assert source(read_checks([config, tmp_path / "checks"]), "apps/v1", "Deployment") == (
        "deployment"
    )


def test_what_belongs_to_tests_of_checks_is_passed_over(tmp_path: Path) -> None:
    folder = tmp_path / "apps" / "Deployment"
    (folder / "testdata").mkdir(parents=True)
    (folder / "health.lua").write_text("x")
    (folder / "health_test.yaml").write_text("tests: [")
    (folder / "testdata" / "cm.yaml").write_text(CONFIG)
    (tmp_path / "health.lua").write_text("of no kind")
    (tmp_path / "values.yaml").write_text("- 1\n---\nkind: ConfigMap\ndata: {a: b}\n---\nkind: X\n")
    book = read_checks([tmp_path])
    assert source(book, "apps/v1", "Deployment") == "x"
    assert found(book, "v1", "Pod") is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "cm.yaml:"),
        ("a: 1\na: 2\n", 'the key "a" is given twice'),
        (
            "kind: ConfigMap\ndata: {resource.customizations: 'a: ['}",
            "resource.customizations:1 is no YAML",
        ),
        ("kind: ConfigMap\ndata: {resource.customizations: '- 1'}", "is no mapping"),
        (
            "kind: ConfigMap\ndata: {resource.customizations.health.a_b_c: x}",
            "resource.customizations.health.a_b_c names no kind",
        ),
        ("healthCheckExprs: {}", "healthCheckExprs is no list"),
        ("healthCheckExprs: [1]", "healthCheckExprs[0] is no mapping of strings"),
        ("healthCheckExprs: [{apiVersion: v1, kind: 3}]", "is no mapping of strings"),
        ("healthCheckExprs: [{kind: Pod, current: x}]", "healthCheckExprs[0] has no apiVersion"),
        ("healthCheckExprs: [{apiVersion: v1, kind: Pod}]", "healthCheckExprs[0] has no current"),
        (
            f"healthCheckExprs: [{TWICE}, {TWICE}]",
            "healthCheckExprs[1] is for a kind that has expressions already",
        ),
    ],
)
def test_what_cannot_be_read_is_one_sentence_with_its_place(
    tmp_path: Path, text: str, message: str
) -> None:
    (tmp_path / "cm.yaml").write_text(text)
    with pytest.raises(InputError) as error:
        read_checks([tmp_path])
    assert message in str(error.value)
    assert str(tmp_path / "cm.yaml") in str(error.value)


def test_a_script_that_cannot_be_read(tmp_path: Path) -> None:
    folder = tmp_path / "apps" / "Deployment"
    folder.mkdir(parents=True)
    (folder / "health.lua").write_bytes(b"\xff")
    with pytest.raises(InputError, match="not UTF-8"):
        read_checks([tmp_path])
    (folder / "health.lua").write_bytes(b"-" * ((1 << 20) + 1))
    with pytest.raises(InputError, match="larger than 1 MiB"):
        read_checks([tmp_path])


def test_nothing_is_read_of_no_places() -> None:
    assert not read_checks([])
    assert read_checks([]).find({"apiVersion": 1, "kind": None}) is None
