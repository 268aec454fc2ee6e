"""Names in paths are names, whatever they hold: no route reads a file by one or breaks over it."""

from collections.abc import Iterator

import pytest

from tests.helpers.http import Api
from tests.helpers.service import World

NAMES = (
    "..%2f..%2f..%2fetc%2fpasswd", "%2e%2e%2f%2e%2e%2finstallation.key", "%2fetc%2fpasswd",
    "..%5c..%5cetc", "....%2f%2f", "%252e%252e%252f", "%00", "a%00b", "%ff%fe",
    "a%0d%0aX-Evil:%201", "%1b%5b2J", "%e2%80%ae", "file:%2f%2f%2fetc%2fpasswd", "*", "%25s",
    "%22%3e%3cscript%3e", "{name}",
)  # fmt: skip


def routes(api: Api) -> Iterator[tuple[str, str]]:
    """Method and path of every route that has a name in it."""
    paths = api.http.get("/openapi.json").json()["paths"]
    for path, methods in paths.items():
        for method in methods:
            if "{" in path:
                yield method.upper(), path


def test_no_route_takes_a_name_for_a_path(api: Api, offline: World) -> None:
    found = list(routes(api))
    assert len(found) > 15
    before = sorted(offline.settings.state_dir.parent.rglob("*"))
    for method, path in found:
        for name in NAMES:
            place = path.replace("{name}", name).replace("{number}", "1")
            answer = api.http.request(method, place, params={"to": "1"})
            told = (method, place, answer.status_code, answer.text)
            assert 400 <= answer.status_code < 500 or answer.text == "[]", told
            assert "X-Evil" not in answer.headers
            assert "root:" not in answer.text
            assert not {"\x00", "\x1b"} & set(answer.text), told
    assert sorted(offline.settings.state_dir.parent.rglob("*")) == before


@pytest.mark.parametrize("number", ["0", "-1", "1e9", "%00", "..%2f1", "9" * 400, "\u0661", "1%20"])
def test_no_revision_has_such_a_number(api: Api, number: str) -> None:
    answer = api.http.get(f"/api/v1/applications/nix/revisions/{number}")
    assert answer.status_code in (400, 404)
    assert answer.json()["error"]["message"]
