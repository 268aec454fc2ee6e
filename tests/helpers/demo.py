"""`gitops demo` as a person runs it: a process of its own, with what every system has on PATH."""

import json
import os
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from gitops.controlplane.build import cache_directory
from tests.helpers.controlplane import Kubectl, eventually
from tests.helpers.waiting import WAIT_S

READY_S = 240.0
PLAIN_PATH = "/usr/bin:/bin"


def environment(home: Path) -> dict[str, str]:
    """Nothing of the developer's: a plain PATH, a home of its own, the shared cache of programs."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("GITOPS_", "GIT_", "KUBE", "XDG_", "VIRTUAL_ENV"))
    }
    return kept | {
        "PATH": PLAIN_PATH,
        "HOME": str(home),
        "XDG_CACHE_HOME": str(cache_directory().parent),
    }


@dataclass
class DemoRun:
    """One directory and the process that stays in its foreground, if any."""

    folder: Path
    process: subprocess.Popen[str] | None = None
    lines: list[str] = field(default_factory=list)

    @property
    def directory(self) -> Path:
        return self.folder / ".gitops-demo"

    @property
    def facts(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.directory / "demo.json").read_text())
        return found

    @property
    def kubectl(self) -> Kubectl:
        return Kubectl(Path(self.facts["kubeconfig"]))

    def gitops(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one command in the folder, to its end."""
        return subprocess.run(
            [sys.executable, "-m", "gitops", *arguments],
            cwd=self.folder,
            env=environment(self.folder),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=READY_S,
            check=False,
        )

    def json(self, *arguments: str) -> Any:
        """Run one command that has to succeed; returns its JSON."""
        answer = self.gitops(*arguments, "-o", "json")
        assert answer.returncode == 0, answer.stderr
        return json.loads(answer.stdout)

    def start(self, *arguments: str) -> str:
        """Start it in the foreground; returns what it printed, up to `ready`."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.lines = []
        with (self.folder / "demo.err").open("w") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "gitops", "demo", *arguments],
                cwd=self.folder,
                env=environment(self.folder),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                start_new_session=True,
            )
        output = self.process.stdout
        assert output is not None
        reader = threading.Thread(target=self._read, args=(output,), daemon=True)
        reader.start()
        reader.join(READY_S)
        assert self.is_ready, self.errors
        return "\n".join(self.lines)

    def _read(self, output: IO[str]) -> None:
        for line in output:
            self.lines.append(line.rstrip("\n"))
            if self.is_ready:
                return

    @property
    def is_ready(self) -> bool:
        return bool(self.lines) and self.lines[-1].startswith("ready ")

    @property
    def errors(self) -> str:
        return (self.folder / "demo.err").read_text()

    def end(self, number: signal.Signals = signal.SIGINT) -> int:
        """Signal the foreground process; returns its exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        code = self.process.wait(WAIT_S)
        if self.process.stdout is not None:
            self.process.stdout.close()
        self.process = None
        return code

    def processes(self) -> list[str]:
        """Command lines of everything that runs for this directory."""
        found = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = path.read_bytes().split(b"\0")
            except OSError:
                continue
            if any(str(self.directory).encode() in word for word in words):
                found.append(b" ".join(words).decode(errors="replace"))
        return found

    def push(self, path: str, old: str, new: str) -> str:
        """Replace a text in a file, commit and push, as the guide says; returns the commit."""
        file = self.directory / "work" / path
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new))
        self.git("commit", "-qam", f"Write {new}")
        self.git("push", "-q")
        return self.git("rev-parse", "HEAD")

    def git(self, *arguments: str) -> str:
        """Run git in `work/`."""
        answer = subprocess.run(
            ["git", *arguments],
            cwd=self.directory / "work",
            env=environment(self.folder),
            capture_output=True,
            text=True,
            timeout=WAIT_S,
            check=False,
        )
        assert answer.returncode == 0, answer.stderr
        return answer.stdout.strip()

    def wait_for_revision(self, name: str, **wanted: Any) -> dict[str, Any]:
        """The newest revision with these facts, once it is closed."""

        def newest() -> dict[str, Any] | None:
            for revision in self.json("history", name):
                same = all(revision[key] == value for key, value in wanted.items())
                if same and revision["state"] != "running":
                    return dict(revision)
            return None

        found = eventually(newest, f"a revision of {name} with {wanted}")
        assert found is not None
        return found

    def purge(self) -> None:
        """End whatever is left and remove the directory."""
        if self.process is not None and self.process.poll() is None:
            self.end(signal.SIGTERM)
        self.gitops("demo", "stop", "--purge")
