"""What the demo's hook sends for one pushed reference."""

import hashlib
import hmac
import json

from gitops.core.git.webhooks import Provider, Push, is_genuine, read_payload, recognise
from gitops.demo.hook import make_request

FACTS = {
    "url": "http://127.0.0.1:8080",
    "remote": "/home/ada/my demo/remote.git",
    "webhookSecret": "s3cret",
}
AFTER = "b" * 40


def test_a_push_is_a_signed_webhook_that_the_service_takes() -> None:
    request = make_request(FACTS, f"{'a' * 40} {AFTER} refs/heads/main")
    assert request.full_url == "http://127.0.0.1:8080/api/webhook"
    body = request.data
    assert isinstance(body, bytes)
    digest = hmac.new(b"s3cret", body, hashlib.sha256).hexdigest()
    assert request.get_header("X-signature") == f"sha256={digest}"
    headers = {name.lower(): value for name, value in request.header_items()}
    sender = recognise(headers)
    assert sender is not None
    assert sender.provider is Provider.GENERIC
    assert is_genuine(sender, body, "s3cret")
    push = read_payload(sender, headers["content-type"], body)
    assert isinstance(push, Push)
    assert (push.ref, push.after) == ("refs/heads/main", AFTER)
    assert push.repositories == ("file:///home/ada/my%20demo/remote.git",)


def test_each_delivery_has_an_id_of_its_own() -> None:
    line = f"{'a' * 40} {AFTER} refs/heads/main"
    ids = {make_request(FACTS, line).get_header("X-delivery") for _ in range(3)}
    assert len(ids) == 3


def test_a_reference_with_spaces_in_its_name_is_kept_whole() -> None:
    request = make_request(FACTS, f"{'a' * 40} {AFTER} refs/heads/a b")
    assert isinstance(request.data, bytes)
    assert json.loads(request.data)["ref"] == "refs/heads/a b"
