"""A real admission webhook: an HTTPS server on a port of its own that the API server asks.

`make_certificate(folder)` gives it its certificate; `kubectl.apply(hook.configuration(...))`
registers it, and `with hook.serve():` lets it answer. It looks at the namespaces that its
configuration names only, so that no other test meets it.
"""

import base64
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

from tests.helpers.gitserver import Certificate

Body = dict[str, Any]
Patch = list[dict[str, Any]]

ANSWERS: dict[str, Any] = {
    "allowed": {"allowed": True},
    "denied": {"allowed": False, "status": {"code": 403, "message": "words must be kind"}},
}
CONFIG_MAPS: Final[Body] = {
    "apiGroups": [""],
    "apiVersions": ["v1"],
    "operations": ["CREATE", "UPDATE"],
    "resources": ["configmaps"],
}
KINDS: Final = {False: "ValidatingWebhookConfiguration", True: "MutatingWebhookConfiguration"}


class Webhook:
    """One webhook, away until `serve`.

    `answer` allows or denies, `fails_once` fails the next write that is no dry-run. `mutate` gets
    each object and gives the JSON patch that it is changed by; with it the webhook is a mutating
    one.
    """

    def __init__(
        self, certificate: Certificate, mutate: Callable[[Body], Patch] | None = None
    ) -> None:
        self.mutate = mutate
        self.answer = "allowed"
        self.fails_once = False
        self.asked: list[bool] = []
        self._kept = socket.socket()  # bound and not listening: nobody else gets the port meanwhile
        self._kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._kept.bind(("127.0.0.1", 0))
        self.port = self._kept.getsockname()[1]
        self._certificate = certificate

    def close(self) -> None:
        """Give the port back."""
        self._kept.close()

    @contextmanager
    def serve(self) -> Iterator[None]:
        """Answer on the port until the block ends."""
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                pass

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status, answer = hook.decide(body)
                self.send_response(status)
                self.end_headers()
                self.wfile.write(json.dumps(answer).encode())

        server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        server.handle_error = lambda *_: None  # type: ignore[method-assign]  # a client that hangs up is no news
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._certificate.certificate, self._certificate.key)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()
            server.server_close()

    def decide(self, review: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Status and AdmissionReview."""
        request = review["request"]
        dry_run = bool(request["dryRun"])
        self.asked.append(dry_run)
        if self.fails_once and not dry_run:
            self.fails_once = False
            return 500, {}
        answer = {"uid": request["uid"], **ANSWERS[self.answer]}
        patch = self.mutate(request["object"]) if self.mutate else []
        if patch:
            text = base64.b64encode(json.dumps(patch).encode()).decode()
            answer |= {"patchType": "JSONPatch", "patch": text}
        return 200, {**{k: review[k] for k in ("apiVersion", "kind")}, "response": answer}

    def configuration(self, name: str, *namespaces: str, rules: list[Body] | None = None) -> Body:
        """What registers it under a name, for these namespaces: that of its name by default."""
        bundle = base64.b64encode(self._certificate.certificate.read_bytes()).decode()
        client = {"url": f"https://127.0.0.1:{self.port}/", "caBundle": bundle}
        label = "kubernetes.io/metadata.name"
        within = {"key": label, "operator": "In", "values": [*(namespaces or [name])]}
        hook = {
            "name": "kind.example.com",
            "clientConfig": client,
            "sideEffects": "None",
            "timeoutSeconds": 5,
            "admissionReviewVersions": ["v1"],
            "namespaceSelector": {"matchExpressions": [within]},
            "rules": rules or [CONFIG_MAPS],
        }
        return {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": KINDS[self.mutate is not None],
            "metadata": {"name": name},
            "webhooks": [hook],
        }
