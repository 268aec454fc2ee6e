import pytest

from gitops.api.hosts import check_host, check_origin, is_loopback, split_host
from gitops.api.options import ApiOptions


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("[::1]", True),
        ("localhost", True),
        ("Localhost.", True),
        ("0.0.0.0", False),
        ("::", False),
        ("", False),
        ("10.0.0.1", False),
        ("localhost.evil.example", False),
        ("2130706433", False),
    ],
)
def test_loopback(host: str, *, expected: bool) -> None:
    assert is_loopback(host) is expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a.example:80", ("a.example", "80")),
        ("A.example.", ("a.example", "")),
        ("[::1]:8080", ("[::1]", "8080")),
        ("a b", None),
        ("a@b", None),
        ("a:b", None),
        ("", None),
        ("::1", None),
    ],
)
def test_host_headers_are_split(value: str, expected: object) -> None:
    assert split_host(value) == expected


def test_the_address_that_it_listens_on_is_ours() -> None:
    options = ApiOptions(hosts=frozenset({"fd00::1", "gitops.example"}))
    assert check_host("[fd00::1]:8080", options) is None
    assert check_host("gitops.example:8080", options) is None
    assert check_host("[fd00::2]:8080", options) is not None
    assert check_host("other.example", options) is not None


@pytest.mark.parametrize(
    ("origin", "host", "good"),
    [
        ("http://127.0.0.1:8080", "127.0.0.1:8080", True),
        ("http://localhost:8080", "127.0.0.1:8080", True),
        ("http://[::1]:8080", "localhost:8080", True),
        ("http://localhost", "localhost", True),
        ("https://gitops.example", "gitops.example", True),
        ("https://gitops.example", "gitops.example:443", True),
        ("http://localhost:3000", "localhost:8080", False),
        ("http://evil.example", "localhost:8080", False),
        ("http://evil.example:8080", "localhost:8080", False),
        ("http://localhost:99999", "localhost", False),
        ("null", "localhost", False),
        ("", "localhost", False),
        ("http://localhost", "", False),
    ],
)
def test_origins(origin: str, host: str, *, good: bool) -> None:
    assert (check_origin(origin, host, ApiOptions()) is None) is good
