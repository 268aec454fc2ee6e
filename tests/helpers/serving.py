"""`gitops serve` as a process of its own, with its log."""

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import yaml

from tests.helpers.controlplane import eventually
from tests.helpers.service import unreachable_kubeconfig
from tests.helpers.waiting import WAIT_S


@dataclass
class Process:
    """A running `gitops serve`; `lines` is its log so far."""

    popen: subprocess.Popen[str]
    lines: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Where it says that it listens."""

        def find() -> str:
            said = re.search(r"listening on (http://[^\s\"]+)", "\n".join(self.lines))
            assert said or self.popen.poll() is None, "\n".join(self.lines)
            return said[1] if said else ""

        return eventually(find, "that it listens")

    def ready(self) -> str:
        """Wait until it is ready; returns its URL."""
        url = self.url
        eventually(lambda: get(f"{url}/readyz").status_code == 200, "that it is ready")
        return url

    def stop(self) -> None:
        """Ask it to stop, and wait until it did."""
        self.popen.send_signal(signal.SIGTERM)
        assert self.end() == 0, "\n".join(self.lines)

    def end(self) -> int:
        """Wait for its end; returns the exit code."""
        return self.popen.wait(WAIT_S)


def get(url: str, **headers: str) -> httpx.Response:
    """Ask a service, and wait for its answer as long as a busy machine needs."""
    return httpx.get(url, headers=headers, timeout=WAIT_S, trust_env=False)


@contextmanager
def serving(
    folder: Path, *arguments: str, environ: Mapping[str, str] | None = None, **settings: object
) -> Iterator[Process]:
    """A service with its state below `folder`; its cluster does not answer unless one is given."""
    config = folder / "gitops.yaml"
    values = {
        "stateDir": str(folder / "state"),
        "cluster": {"kubeconfig": str(unreachable_kubeconfig(folder))},
        "server": {"port": 0},
        **settings,
    }
    config.write_text(yaml.safe_dump(values))
    kept = {k: v for k, v in os.environ.items() if not k.startswith("GITOPS_")}
    popen = subprocess.Popen(
        [sys.executable, "-m", "gitops", "serve", "--config", str(config), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        env=kept | dict(environ or {}),
    )
    process = Process(popen)
    assert popen.stderr is not None

    def read() -> None:
        for line in popen.stderr or ():
            process.lines.append(line.rstrip())

    reader = threading.Thread(target=read)
    reader.start()
    try:
        yield process
    finally:
        if popen.poll() is None:
            popen.kill()
        popen.wait()
        reader.join()
        if popen.stdout:
            popen.stdout.close()
        popen.stderr.close()
