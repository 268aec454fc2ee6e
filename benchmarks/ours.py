"""Our own service as a `Reconciler`: `child` in a process of its own."""

import hashlib
import hmac
import json
import subprocess
import sys
import threading
import time
import urllib.request
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from benchmarks.reconcilers import Setting
from benchmarks.workload import declarations

SECRET: Final = "benchmark"  # noqa: S105 - of a throw-away service
CHILD: Final = """
import sys
sys.modules["rich"] = None  # of the tools of development; structlog would load it where it is
from gitops.cli.main import load
load("benchmarks.child").main()
"""
"""Loads the service as `gitops serve` does where it is installed."""


class Ours:
    """`gitops serve`, driven by webhooks."""

    name = "gitops"
    agent = "gitops"

    def __init__(self, poll_interval: str = "0s") -> None:
        self._poll_interval = poll_interval
        self._process: subprocess.Popen[str] | None = None
        self._news: list[dict[str, Any]] = []
        self._changed = threading.Condition()
        self._port = 0
        self._done: set[str] = set()

    def prepare(self, setting: Setting) -> None:
        """Write the settings and start the process; the engine waits for `begin`."""
        self._setting = setting
        self._config = setting.folder / "gitops.yaml"
        declared = setting.folder / "applications.yaml"
        text = declarations(setting.count, setting.url, setting.namespace, setting.variant)
        declared.write_text(text)
        self.configure()
        self._launch()

    def configure(self, poll_interval: str | None = None) -> None:
        """Write the settings."""
        setting = self._setting
        settings = {
            "stateDir": str(setting.folder / "state"),
            "applications": [str(setting.folder / "applications.yaml")],
            "cluster": {"kubeconfig": str(setting.plane.kubeconfig)},
            "git": {"pollInterval": poll_interval or self._poll_interval, "pollJitterPercent": 0},
            "webhook": {"generic": SECRET},
        }
        self._config.write_text(json.dumps(settings))

    def _launch(self) -> None:
        log = (self._setting.folder / "service.log").open("a")
        self._news.clear()
        self._process = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(self._config)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            cwd=Path(__file__).parent.parent,
        )
        log.close()
        threading.Thread(target=self._listen, args=(self._process,), daemon=True).start()
        self._port = self._await("built", 60)["port"]

    def _listen(self, process: "subprocess.Popen[str]") -> None:
        for line in process.stdout or ():
            with self._changed:
                self._news.append(json.loads(line))
                self._changed.notify_all()

    def _await(self, news: str, timeout_s: float) -> dict[str, Any]:
        """The newest news of a kind, once there is one; it is forgotten."""

        def find() -> dict[str, Any] | None:
            return next((one for one in self._news if one["news"] == news), None)

        with self._changed:
            found = self._changed.wait_for(find, timeout_s)
            if found is None:
                raise TimeoutError(f"the service did not say {news}")
            self._news.remove(found)
            return found

    def _say(self, command: str) -> None:
        if self._process is None or self._process.stdin is None:
            raise RuntimeError(command)
        self._process.stdin.write(command + "\n")
        self._process.stdin.flush()

    def begin(self) -> None:
        """Start the engine."""
        self._forget()
        self._say("start")

    def _forget(self) -> None:
        with self._changed:
            self._news = [one for one in self._news if one["news"] != "closed"]

    def pushed(self, sha: str) -> None:
        """Send the webhook, signed."""
        self._forget()
        content = {"repository": self._setting.url, "ref": "refs/heads/main", "after": sha}
        body = json.dumps(content).encode()
        signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        headers = {
            "Content-Type": "application/json",
            "X-Signature": f"sha256={signature}",
            "X-Delivery": uuid.uuid4().hex,
        }
        url = f"http://127.0.0.1:{self._port}/api/webhook"
        request = urllib.request.Request(url, body, headers)
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - our own service
            answer.read()

    def wait_synced(self, sha: str, count: int, timeout_s: float) -> None:
        """Wait for so many revisions to be closed since the last push."""
        del sha

        def closed() -> bool:
            failed = [n for n in self._news if n["news"] == "closed" and n["state"] != "succeeded"]
            if failed:
                raise RuntimeError(f"{failed[0]}")
            defects = [n for n in self._news if n["news"] == "problem" and n["kind"] == "defect"]
            if defects:
                raise RuntimeError(f"{len(defects)} defects, see the service's log: {defects[0]}")
            names = {one["application"] for one in self._news if one["news"] == "closed"}
            return len(names) >= count

        with self._changed:
            if not self._changed.wait_for(closed, timeout_s):
                problems = [one for one in self._news if one["news"] == "problem"]
                raise TimeoutError(f"{len(self._news)} news, problems: {problems[:3]}")

    def restart(self, poll_interval: str | None = None) -> float:
        """Stop, then start; seconds from the process's start until everything was compared."""
        self.close()
        self.configure(poll_interval)
        started = time.perf_counter()
        self._launch()
        self.begin()
        self._await("ready", 600)
        return time.perf_counter() - started

    def wait_ready(self) -> None:
        """Return when everything was looked at once."""
        self._await("ready", 3600)

    def processes(self) -> Mapping[str, int]:
        """The one process."""
        return {"gitops": self._process.pid} if self._process else {}

    def counts(self) -> Mapping[str, int]:
        """Renders, database writes, and how many applications are Synced."""
        self._say("counts")
        found = self._await("counts", 60)
        return {key: value for key, value in found.items() if key != "news"}

    def close(self) -> None:
        """Stop the service."""
        if self._process is None:
            return
        self._say("stop")
        self._process.wait(60)
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        self._process = None
