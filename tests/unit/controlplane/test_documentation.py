"""The reference tells every word that the stages listen to."""

import re
from pathlib import Path

from gitops.controlplane import bootstrap, components

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "reference" / "cluster.md").read_text()


def test_every_mark_of_ours_is_documented() -> None:
    text = "".join(file.read_text() for file in components.STAGES.glob("*.yaml"))
    marks = set(re.findall(r"gitops\.dev/[A-Za-z-]+", text)) - {"gitops.dev/installation"}
    assert len(marks) > 5
    assert {mark for mark in marks if mark not in PAGE} == set()


def test_every_failure_and_node_is_documented() -> None:
    text = (components.STAGES / "pod.yaml").read_text()
    found = re.search(r"\\\\b\(([a-z|-]+)\)\\\\b", text)
    assert found is not None
    assert {word for word in found[1].split("|") if f"| `{word}`" not in PAGE} == set()
    nodes = [b["metadata"]["name"] for b in bootstrap.objects() if b["kind"] == "Node"]
    assert [name for name in nodes if f"| `{name}`" not in PAGE] == []
