"""A service killed in mid-render: nothing of it runs on, and no secret stays in clear."""

import os
from pathlib import Path
from typing import Any

import yaml

from gitops.controlplane.processes import ControlPlane
from tests.helpers.controlplane import eventually
from tests.helpers.repo import Repo
from tests.helpers.serving import serving
from tests.helpers.waiting import gone

PLANTED = "pl4nted-in-the-values"


def test_what_a_service_killed_in_mid_render_leaves_goes_at_the_next_start(
    control_plane: ControlPlane, tmp_path: Path
) -> None:
    told, state = tmp_path / "told", tmp_path / "state"
    declared = tmp_path / "shop.yaml"
    declared.write_text(yaml.safe_dump(application(tmp_path)))
    (tmp_path / "tmp").mkdir()
    path = f"{hanging_helm(tmp_path / 'bin', told)}:{os.environ['PATH']}"
    environ = {"PATH": path, "TMPDIR": str(tmp_path / "tmp")}
    cluster = {"kubeconfig": str(control_plane.kubeconfig)}
    arguments = ("--applications", str(declared))
    with serving(tmp_path, *arguments, environ=environ, cluster=cluster) as process:
        eventually(told.exists, "that Helm runs")
        process.popen.kill()
        process.end()
    assert gone(int(told.read_text()))
    declared.unlink()
    (left,) = holding(tmp_path, PLANTED)
    assert left.is_relative_to(state / "scratch")
    with serving(tmp_path, environ=environ) as process:
        process.ready()
        assert holding(tmp_path, PLANTED) == []
        assert list((state / "scratch").iterdir()) == []
    assert list((tmp_path / "tmp").iterdir()) == []


def hanging_helm(folder: Path, told: Path) -> Path:
    """A folder for PATH with a Helm that tells its number in a file, and never ends."""
    folder.mkdir()
    (folder / "helm").write_text(
        '#!/bin/sh\n[ "$1" != version ] || exec echo v4.0.0\n'
        f'echo "$$" > {told}.new; mv {told}.new {told}; exec sleep 1000\n'
    )
    (folder / "helm").chmod(0o755)
    return folder


def application(folder: Path) -> dict[str, Any]:
    """An Application of a chart in a new repository, with a secret among its inline values."""
    repo = Repo.create(folder / "made")
    repo.write("Chart.yaml", "apiVersion: v2\nname: shop\nversion: 1.0.0\n")
    repo.commit()
    repo.push()
    helm = {"values": f"password: {PLANTED}\n"}
    return {
        "apiVersion": "gitops.dev/v1alpha1",
        "kind": "Application",
        "metadata": {"name": "shop"},
        "spec": {
            "source": {"repoURL": repo.url, "path": ".", "helm": helm},
            "destination": {"namespace": "shop"},
        },
    }


def holding(folder: Path, text: str) -> list[Path]:
    """The files below a folder that hold a text."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [path for path in files if text.encode() in path.read_bytes()]
