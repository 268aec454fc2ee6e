"""A Git repository of applications, served over HTTP by `git http-backend`.

Called by the harness; counts what clients ask of it. `Repository.push` is one commit.
"""

import contextlib
import os
import subprocess
import threading
from collections import Counter
from collections.abc import Collection, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from benchmarks.workload import Version, files, names


class Repository:
    """A bare repository, and a working copy in which commits are made."""

    def __init__(self, root: Path, count: int, variant: str) -> None:
        self.bare = root / "apps.git"
        self._work = root / "work"
        self._names = names(count)
        self._variant = variant
        self._versions: dict[str, Version] = {}
        _git(root, "init", "-q", "--bare", "-b", "main", str(self.bare))
        _git(self.bare, "config", "http.receivepack", "false")
        _git(root, "clone", "-q", str(self.bare), str(self._work))
        _git(self._work, "config", "user.email", "bench@example.com")
        _git(self._work, "config", "user.name", "bench")
        _git(self._work, "checkout", "-q", "-b", "main")

    def push(self, version: Version, only: Collection[str] | None = None) -> str:
        """Give applications a version, all or some; commit and push. Returns the commit."""
        for name in self._names if only is None else only:
            for path, text in files(name, version, self._variant):
                target = self._work / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(text)
        _git(self._work, "add", ".")
        _git(self._work, "commit", "-qm", f"{version}")
        _git(self._work, "push", "-q", "origin", "main")
        return _git(self._work, "rev-parse", "HEAD").strip()


def _git(folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *arguments], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout


class _Handler(BaseHTTPRequestHandler):
    """One request, answered by `git http-backend`."""

    protocol_version = "HTTP/1.1"
    root: Path
    seen: "Counter[str]"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base's word
        del format, args

    def do_GET(self) -> None:
        if self.path.endswith("/info/refs?service=git-upload-pack"):
            self.seen["conversations"] += 1
        self._answer(b"")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if b"command=fetch" in body or b"want " in body:
            self.seen["fetches"] += 1
        self._answer(body)

    def _answer(self, body: bytes) -> None:
        path, _, query = self.path.partition("?")
        variables = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(self.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_PROTOCOL": self.headers.get("Git-Protocol") or "",
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding") or "",
            "CONTENT_LENGTH": str(len(body)),
            "CONTENT_TYPE": self.headers.get("Content-Type") or "",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "REMOTE_ADDR": "127.0.0.1",
        }
        done = subprocess.run(
            ["git", "http-backend"], input=body, env=variables, capture_output=True, check=False
        )
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line)
        self.send_response(int(headers.pop("Status", "200").split()[0]))
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)


@contextlib.contextmanager
def serve(root: Path) -> Iterator[tuple[str, "Counter[str]"]]:
    """Serve the repositories below a folder; gives the URL's beginning, and what was asked."""
    seen: Counter[str] = Counter()
    handler = type("Handler", (_Handler,), {"root": root, "seen": seen})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", seen
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
