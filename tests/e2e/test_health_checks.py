"""The command `gitops health` with checks, as people and scripts call it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

GITOPS = Path(sys.executable).with_name("gitops")
CHECKS = Path(__file__).parents[1] / "cases" / "health" / "checks"
OBJECTS = """
apiVersion: cert-manager.io/v1
kind: Certificate
metadata: {name: web, namespace: shop}
status: {conditions: [{type: Ready, status: "False", message: The order is invalid}]}
---
apiVersion: v1
kind: List
items:
- apiVersion: apps/v1
  kind: Deployment
  metadata: {name: web, namespace: shop}
  spec: {paused: true}
- apiVersion: rds.aws.crossplane.io/v1alpha1
  kind: DBInstance
  metadata: {name: db}
  status: {conditions: [{type: Ready, status: "True"}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
"""


def health(*arguments: str, given: str = "", folder: Path | None = None) -> list[dict[str, Any]]:
    command = [GITOPS, "health", "-f", "-", "-o", "json", *arguments]
    done = subprocess.run(
        command, input=given, capture_output=True, text=True, check=False, cwd=folder
    )
    assert (done.returncode, done.stderr) == (0, "")
    rows: list[dict[str, Any]] = json.loads(done.stdout)
    return rows


def test_checks_and_rules_judge_documents_and_lists_in_their_order() -> None:
    found = health("--checks", str(CHECKS), given=OBJECTS)
    assert [(row["kind"], row["status"], row["message"]) for row in found] == [
        ("Certificate", "Degraded", "The order is invalid"),
        ("Deployment", "Suspended", "Deployment is paused"),
        ("DBInstance", "Healthy", "Resource is there"),
        ("ConfigMap", None, ""),
    ]


def test_thousands_of_objects_are_judged_in_one_call() -> None:
    certificate = {
        "apiVersion": "cert-manager.io/v1",
        "kind": "Certificate",
        "status": {"conditions": [{"type": "Ready", "status": "True", "message": "good"}]},
    }
    items = [{**certificate, "metadata": {"name": str(index)}} for index in range(5000)]
    found = health("--checks", str(CHECKS), given=json.dumps(items))
    assert [row["name"] for row in found] == [str(index) for index in range(5000)]
    assert {(row["status"], row["message"]) for row in found} == {("Healthy", "good")}


def test_a_hostile_check_is_named_and_hides_no_other_object(tmp_path: Path) -> None:
    script = tmp_path / "cert-manager.io" / "Certificate" / "health.lua"
    script.parent.mkdir(parents=True)
    script.write_text("while true do end")
    found = health("--checks", str(tmp_path), "--checks", str(CHECKS), given=OBJECTS)
    assert found[0]["status"] == "Unknown"
    assert found[0]["message"] == (
        "cert-manager.io/Certificate/health.lua: used more than 1 s of processor time"
    )
    assert [row["status"] for row in found[1:]] == ["Suspended", "Healthy", None]


def test_no_module_in_the_current_folder_is_run(tmp_path: Path) -> None:
    for name in ("lupa", "orjson", "struct"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit(3)\n")
    script = tmp_path / "checks" / "example.com" / "Widget" / "health.lua"
    script.parent.mkdir(parents=True)
    script.write_text("return {status = 'Healthy'}")
    widget = "{apiVersion: example.com/v1, kind: Widget, metadata: {name: a}}"
    (row,) = health("--checks", "checks", given=widget, folder=tmp_path)
    assert row["status"] == "Healthy"
