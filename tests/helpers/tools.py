"""The real Kustomize and Helm for tests: ours, built if they are not there yet."""

import subprocess
from functools import cache
from pathlib import Path

from gitops.controlplane.build import find_or_build
from gitops.render.tools import Tools


@cache
def real_tools() -> Tools:
    """The tools of the pinned build."""
    binaries = find_or_build(embedded=True)
    return Tools(kustomize=binaries.kustomize, helm=binaries.helm)


def run_tool(name: str, *arguments: str, cwd: Path) -> str:
    """What the tool itself prints, with nothing of ours around it."""
    done = subprocess.run(
        [real_tools().path(name), *arguments],
        cwd=cwd,
        env={"HOME": str(cwd)} if name == "helm" else {},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
