"""A minimal client of our own API server: for readiness and for the objects made at start.

In: a port, a CA file and a token. Out: status and JSON of single requests. It exists because the
`cluster` edge knows nothing of us and we nothing of it.
"""

import http.client
import json
import ssl
from pathlib import Path
from typing import Any

from gitops.errors import ControlPlaneError

Json = dict[str, Any]


class Api:
    """Requests to `https://127.0.0.1:<port>`, a connection each; `timeout_s` bounds each one."""

    def __init__(self, port: int, ca: Path, token: str, timeout_s: float = 5.0) -> None:
        self._port = port
        self._token = token
        self._timeout_s = timeout_s
        self._context = ssl.create_default_context(cafile=str(ca))

    def call(self, method: str, path: str, body: Json | None = None) -> tuple[int, Json]:
        """Status and JSON (empty where the answer is none); raises OSError or HTTPException."""
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        connection = http.client.HTTPSConnection(
            "127.0.0.1", self._port, timeout=self._timeout_s, context=self._context
        )
        try:
            content = None if body is None else json.dumps(body)
            connection.request(method, path, body=content, headers=headers)
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        if "json" not in (answer.getheader("Content-Type") or ""):
            return answer.status, {}
        value: Json = json.loads(text)
        return answer.status, value

    def is_ready(self) -> bool:
        """Whether `/readyz` says ok now."""
        try:
            status, _ = self.call("GET", "/readyz")
        except (OSError, http.client.HTTPException):
            return False
        return status == http.client.OK

    def get(self, path: str) -> Json | None:
        """An object, or None where there is none or the server cannot say."""
        try:
            status, body = self.call("GET", path)
        except (OSError, http.client.HTTPException):
            return None
        return body if status == http.client.OK else None

    def create(self, path: str, body: Json) -> None:
        """POST an object; one that exists already is left as it is."""
        status, answer = self.call("POST", path, body)
        if status not in {http.client.CREATED, http.client.OK, http.client.CONFLICT}:
            name = body.get("metadata", {}).get("name", "")
            raise ControlPlaneError(
                f"{body.get('kind')} {name} could not be made: {answer.get('message', status)}",
                reason="start",
            )
