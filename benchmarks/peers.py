"""Reconcilers of others, as `Manifested` drives them, by the name of `--peer`.

`kubectl` is the loop that people write first: fetch, and `kubectl apply` each application. Whoever
has another peer's programs adds a function here; docs/performance.md shows one.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from benchmarks.reconcilers import Manifested, Setting
from benchmarks.workload import names
from gitops.controlplane.build import find_tool


def kubectl() -> Manifested:
    """A shell loop around `git` and `kubectl`; a ConfigMap an application tells its commit."""
    script = Path(__file__).with_name("kubectl-loop.sh")

    def programs(setting: Setting) -> Mapping[str, list[str]]:
        tool = str(find_tool("kubectl") or "kubectl")
        work, told = str(setting.folder / "loop"), str(_word(setting))
        command = ["sh", str(script), tool, setting.url, work, setting.namespace, told]
        return {"kubectl-loop": command}

    return Manifested(
        name="kubectl",
        agent="kubectl",
        kinds=(),
        programs=programs,
        setup=lambda setting: [
            (f"/api/v1/namespaces/{setting.namespace}/configmaps", _followed(name))
            for name in names(setting.count)
        ],
        state=("/api/v1/configmaps?labelSelector=followed",),
        synced=_is_at,
        told=lambda setting, _sha: _word(setting).touch(),
    )


def _word(setting: Setting) -> Path:
    """The file that says that there is something to do."""
    return setting.folder / "loop.told"


def _followed(name: str) -> dict[str, Any]:
    """The word that the loop is to follow an application."""
    metadata = {"name": name, "labels": {"followed": "true"}}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}


def _is_at(body: Mapping[str, Any], sha: str) -> bool:
    commit = str(body.get("data", {}).get("commit", ""))
    return bool(commit) and sha in commit


PEERS: Final[Mapping[str, Callable[[], Manifested]]] = {"kubectl": kubectl}
