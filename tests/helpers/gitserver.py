"""Real Git servers for tests: HTTP (`git http-backend` behind a small server) and SSH (`sshd`).

Both serve every bare repository below a folder and can be told to fail. HTTP asks for credentials
when `password` or `bearer` is set, and speaks TLS when it is given a certificate.
"""

import base64
import contextlib
import os
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.helpers.repo import GIT

SSHD = "/usr/sbin/sshd"
NO_SSHD = "no sshd: install Debian's package openssh-server"
_PACKED = "git-upload-pack"


@dataclass
class Faults:
    """What the HTTP server does wrong; everything is off at first."""

    status: int = 0
    """Answer every request with this status."""
    cut_after: int | None = None
    """Send so many bytes of a pack, then close the connection."""
    garble: bool = False
    """Flip bytes in the middle of a pack."""
    hang: bool = False
    """Keep every request waiting until `release`."""
    redirect: str = ""
    """Send every request elsewhere: a URL to which the path is added."""
    page: str | None = None
    """Answer with this text, as a web page would."""


@dataclass
class HttpGit:
    """A running HTTP server; `requests` holds (method, path, authorization) of each request."""

    root: Path
    server: ThreadingHTTPServer
    scheme: str = "http"
    username: str = "git"
    password: str = ""
    bearer: str = ""
    faults: Faults = field(default_factory=Faults)
    requests: list[tuple[str, str, str]] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)
    hanging: threading.Event = field(default_factory=threading.Event)

    @property
    def origin(self) -> str:
        """`http://127.0.0.1:PORT`."""
        return f"{self.scheme}://127.0.0.1:{self.server.server_address[1]}"

    def url(self, name: str) -> str:
        """The URL of a repository below the folder."""
        return f"{self.origin}/{name}"

    def release(self) -> None:
        """Let hanging requests end."""
        self.released.set()

    def allows(self, authorization: str) -> bool:
        """Whether a request shows the right credentials."""
        if self.bearer:
            return authorization == f"Bearer {self.bearer}"
        if self.password:
            pair = base64.b64encode(f"{self.username}:{self.password}".encode()).decode()
            return authorization == f"Basic {pair}"
        return True


class _Handler(BaseHTTPRequestHandler):
    git: HttpGit
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the base's name
        """Say nothing."""

    def do_GET(self) -> None:
        self._serve(b"")

    def do_POST(self) -> None:
        self._serve(self._body())

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _serve(self, body: bytes) -> None:
        git, faults = self.git, self.git.faults
        authorization = self.headers.get("Authorization") or ""
        git.requests.append((self.command, self.path, authorization))
        if faults.hang:
            git.hanging.set()
            git.released.wait(60)
            self.close_connection = True
            return
        if faults.redirect:
            self._answer(302, {"Location": faults.redirect + self.path}, b"")
        elif faults.status:
            self._answer(faults.status, {"Content-Type": "text/plain"}, b"out of order\n")
        elif faults.page is not None:
            self._answer(200, {"Content-Type": "text/html"}, faults.page.encode())
        elif not git.allows(authorization):
            self._answer(401, {"WWW-Authenticate": 'Basic realm="git"'}, b"who are you?\n")
        else:
            self._backend(body)

    def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _backend(self, body: bytes) -> None:
        path, _, query = self.path.partition("?")
        variables = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(self.git.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_PROTOCOL": self.headers.get("Git-Protocol") or "",
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding") or "",
            "CONTENT_LENGTH": str(len(body)),
            "CONTENT_TYPE": self.headers.get("Content-Type") or "",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REMOTE_ADDR": "127.0.0.1",
            "REMOTE_USER": self.git.username,
            "REQUEST_METHOD": self.command,
        }
        done = subprocess.run(
            [GIT, "http-backend"], input=body, env=variables, capture_output=True, check=False
        )
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line)
        status = int(headers.pop("Status", "200").split()[0])
        is_pack = self.command == "POST" and b"PACK" in content
        if is_pack and self.git.faults.garble:
            middle = content.index(b"PACK") + 40
            content = (
                content[:middle]
                + bytes(b ^ 0xFF for b in content[middle : middle + 8])
                + content[middle + 8 :]
            )
        if is_pack and self.git.faults.cut_after is not None:
            self._cut(headers, content)
            return
        self._answer(status, headers, content)

    def _cut(self, headers: dict[str, str], content: bytes) -> None:
        self.send_response(200)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content[: self.git.faults.cut_after])
        self.wfile.flush()
        self.close_connection = True


@contextlib.contextmanager
def serve_http(root: Path, tls: "Certificate | None" = None) -> Iterator[HttpGit]:
    """Serve the repositories below `root` until the block ends."""
    handler = type("Handler", (_Handler,), {})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = False
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # a client that hangs up is no news
    if tls is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tls.certificate, tls.key)
        server.socket = context.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
    git = HttpGit(root, server, scheme="https" if tls else "http")
    handler.git = git  # type: ignore[attr-defined]  # made just above
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield git
    finally:
        git.release()
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass(frozen=True)
class Certificate:
    """A self-signed certificate of 127.0.0.1, as PEM files."""

    certificate: Path
    key: Path


def make_certificate(folder: Path) -> Certificate:
    """Write a certificate and its key below a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "git.test")])
    now = datetime.fromtimestamp(int((folder).stat().st_mtime), UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    made = Certificate(folder / "cert.pem", folder / "key.pem")
    made.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    made.key.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return made


@dataclass(frozen=True)
class SshGit:
    """A running sshd that lets one key in; every repository is reached by its absolute path."""

    root: Path
    port: int
    user: str
    key: str
    known_hosts: str

    def url(self, name: str) -> str:
        """The URL of a repository below the folder."""
        return f"ssh://{self.user}@127.0.0.1:{self.port}{self.root}/{name}"

    @property
    def origin(self) -> str:
        """The URL prefix of all of them."""
        return f"ssh://127.0.0.1:{self.port}"


def make_ssh_key(path: Path) -> str:
    """Make a key pair at `path`; returns the private key's text."""
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", str(path)], check=True
    )
    return path.read_text()


def has_sshd() -> bool:
    """Whether `serve_ssh` can run; tests skip with `NO_SSHD` where not."""
    return Path(SSHD).exists() and shutil.which("ssh-keygen") is not None


def _start_sshd(config: Path) -> tuple["subprocess.Popen[str]", int]:
    """Start it on a free port, which it cannot choose itself: another one where that is taken."""
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        process = subprocess.Popen(
            [SSHD, "-D", "-e", "-f", str(config), "-p", str(port)],
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
        )
        assert process.stderr is not None
        said = ""
        for line in process.stderr:
            said += line
            if "Server listening" in line:
                return process, port
        process.stderr.close()
        process.wait()
        assert "Address already in use" in said, f"sshd did not start: {said}"


@contextlib.contextmanager
def serve_ssh(root: Path, folder: Path) -> Iterator[SshGit]:
    """Serve the repositories below `root`; keys and settings lie in `folder`, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    user_key = make_ssh_key(folder / "user")
    make_ssh_key(folder / "host")
    with contextlib.suppress(PermissionError):
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    authorized = folder / "authorized_keys"
    authorized.write_text((folder / "user.pub").read_text())
    (folder / "sshd_config").write_text(
        f"ListenAddress 127.0.0.1\nHostKey {folder}/host\nPidFile none\n"
        f"AuthorizedKeysFile {authorized}\nStrictModes no\nUsePAM no\nPermitRootLogin yes\n"
        "PasswordAuthentication no\nKbdInteractiveAuthentication no\nAcceptEnv GIT_PROTOCOL\n"
        "MaxStartups 100\n"
    )
    process, port = _start_sshd(folder / "sshd_config")
    assert process.stderr is not None
    drain = threading.Thread(target=process.stderr.read)
    drain.start()
    host = (folder / "host.pub").read_text().split()
    user = subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()
    try:
        yield SshGit(root, port, user, user_key, f"[127.0.0.1]:{port} {host[0]} {host[1]}\n")
    finally:
        process.terminate()
        process.wait()
        drain.join()
        process.stderr.close()
