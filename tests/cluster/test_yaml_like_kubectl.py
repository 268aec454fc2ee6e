"""Our reading of YAML beside that of kubectl itself; `label --local` needs no API server."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from gitops.controlplane.build import find_tool
from gitops.core.manifests.parse import parse
from tests.helpers.case_tables import table

HERE = str(Path(__file__).parents[1] / "cases" / "parse" / "values.yaml")
HEADER = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"


def read_with_kubectl(text: str, home: Path) -> list[dict[str, Any]] | None:
    """The objects that kubectl reads; None where it refuses the text."""
    kubectl = find_tool("kubectl", embedded=True)
    if kubectl is None:
        pytest.skip("kubectl is not built")
    command = [str(kubectl), "label", "--local", "-f", "-", "seen=yes", "-o", "json"]
    env = {"HOME": str(home), "KUBECONFIG": str(home / "none")}
    answer = subprocess.run(command, input=text.encode(), env=env, capture_output=True, check=False)
    if answer.returncode:
        return None
    decoder, text, found = json.JSONDecoder(), answer.stdout.decode().strip(), []
    while text:
        value, end = decoder.raw_decode(text)
        found += value["items"] if value["kind"] == "List" else [value]
        text = text[end:].lstrip()
    return found


@pytest.mark.parametrize("case", table(HERE, "values.yaml"))
def test_kubectl_reads_the_same_value(case: dict[str, Any], tmp_path: Path) -> None:
    found = read_with_kubectl(f"{HEADER}v: {case['text']}\n", tmp_path)

    assert found is not None
    assert as_floats(found[0]["v"]) == as_floats(json.loads(case["json"]))


def as_floats(value: Any) -> Any:
    """Integers that no 64 bits hold are floats, in whatever digits they are written."""
    if isinstance(value, list):
        return [as_floats(item) for item in value]
    if isinstance(value, int) and abs(value) >= 1 << 63:
        return float(value)
    return value


STREAMS = {
    "a comment after the separator": "--- # first\n{a}\n---\t# second\n{b}\n",
    "empty documents": "---\n---\n# nothing\n---\n{a}\n---\n\n---\n{b}\n---\n",
    "Windows line ends": "{a}\r\n---\r\n{b}\r\n",
    "a byte order mark": "\ufeff{a}\n---\n{b}\n",
    "no last line end": "{a}\n---\n{b}",
    "JSON objects in a row": "{ja}{jb}\n{ja}",
    "JSON, then YAML": "{ja}\n---\n{b}\n",
    "JSON between separators": "{ja}\n---\n{jb}\n",
    "flow YAML": "{{apiVersion: v1, kind: ConfigMap, metadata: {{name: a}},}}\n",
    "a list": "apiVersion: v1\nkind: List\nitems:\n- {ja}\n- {jb}\n",
    "a typed list": "apiVersion: v1\nkind: ConfigMapList\nitems:\n- metadata: {{name: a}}\n",
}


@pytest.mark.parametrize("name", STREAMS)
def test_kubectl_finds_the_same_objects_in_a_stream(name: str, tmp_path: Path) -> None:
    block = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: "
    objects = {
        "a": block + "a",
        "b": block + "b",
        "ja": '{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}',
        "jb": '{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "b"}}',
    }
    text = STREAMS[name].format(**objects)

    theirs = read_with_kubectl(text, tmp_path)

    parsed = parse(text, "x.yaml")
    ours = [(m.body["kind"], m.id.name) for m in parsed.manifests]
    assert theirs is not None
    assert ours == [(body["kind"], body["metadata"]["name"]) for body in theirs]
    assert {fault.code for fault in parsed.faults} <= {"duplicate-object"}


@pytest.mark.parametrize(
    "text",
    [
        "--- {a: 1}\n",
        "a: b: c\n",
        "a:\n\tb: 1\n",
        "a: .inf\n",
        "~: 1\n",
        "[a]: 1",
    ],
)
def test_kubectl_refuses_what_we_refuse(text: str, tmp_path: Path) -> None:
    assert read_with_kubectl(HEADER + text, tmp_path) is None
    assert parse(HEADER + text, "x.yaml").faults
