"""`gitops validate PATH --server`: what a throw-away API server says, with its place."""

import json
from pathlib import Path

import pytest

from gitops.cli.main import run
from tests.helpers.tools import real_tools

DEFINITION = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: foos.ex.com}
spec:
  group: ex.com
  scope: Namespaced
  names: {plural: foos, kind: Foo}
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec:
              type: object
              x-kubernetes-validations: [{rule: "self.size < 3", message: it is too large}]
              properties: {size: {type: integer}}
"""
FOO = "apiVersion: ex.com/v1\nkind: Foo\nmetadata: {name: f, namespace: shop}\nspec:\n  size: 5\n"
THING = "apiVersion: nobody.io/v1\nkind: Thing\nmetadata: {name: t}\n"
POD = """\
apiVersion: v1
kind: Pod
metadata: {name: p, namespace: made}
spec:
  serviceAccountName: web
  priorityClassName: %s
  containers: [{name: a, image: b}]
"""
GROUNDS = """\
apiVersion: v1
kind: ServiceAccount
metadata: {name: web, namespace: made}
---
apiVersion: v1
kind: Namespace
metadata: {name: made}
---
apiVersion: scheduling.k8s.io/v1
kind: PriorityClass
metadata: {name: high}
value: 5
"""
SERVICE = (
    "apiVersion: v1\nkind: Service\nmetadata: {name: %s}\nspec:\n"
    "  clusterIP: %s\n  ports: [{port: 80}]\n"
)
OVERLAY = "resources: [../base]\nnamePrefix: x-\npatches: [{path: p.yaml}]\n"
PATCH = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {clusterIP: 9.9.9.9}\n"
FILES = {
    "a-foo.yaml": FOO,
    "crd.yaml": DEFINITION,
    "good.yaml": POD % "high" + "---\n" + GROUNDS,
    "pod.yaml": (POD % "nobodys").replace("name: p,", "name: q,"),
    "thing.yaml": THING,
    "bad.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: A_b}\n",
    "k/base/kustomization.yaml": "resources: [s.yaml]\n",
    "k/base/s.yaml": SERVICE % ("web", "None"),
    "k/over/kustomization.yaml": OVERLAY,
    "k/over/p.yaml": PATCH,
    "chart/Chart.yaml": "apiVersion: v2\nname: c\nversion: 0.1.0\n",
    "chart/values.yaml": "ip: 9.9.9.9\n",
    "chart/templates/s.yaml": SERVICE % ("{{ .Release.Name }}", "{{ .Values.ip }}"),
    "broken/Chart.yaml": "apiVersion: v2\nname: b\nversion: 0.1.0\n",
    "broken/templates/s.yaml": "a: {{ .Values.x.y }}\n",
}


def test_a_whole_repository_is_asked_about_definitions_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    real_tools()
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)

    code = run(["validate", ".", "--server", "-o", "json"])

    out, err = capsys.readouterr()
    found = [(f["path"], f["line"], f["code"]) for f in json.loads(out)]
    messages = " ".join(f["message"] for f in json.loads(out))
    assert code == 1
    assert found == [
        ("a-foo.yaml", 5, "server"),
        ("bad.yaml", 3, "invalid-name"),
        ("broken/Chart.yaml", 1, "render"),
        ("chart/templates/s.yaml", 1, "server"),
        ("k/base/s.yaml", 5, "server"),
        ("pod.yaml", 1, "server"),
    ]
    assert "Foo shop/f: spec: Invalid value: it is too large" in messages
    assert "no PriorityClass with name nobodys was found" in messages
    assert "Service x-web: spec.clusterIPs: " in messages
    assert err == "warning: not checked, since nothing defines it: Thing (nobody.io/v1)\n"
