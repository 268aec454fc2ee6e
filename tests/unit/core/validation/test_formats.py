"""The texts that Kubernetes accepts and refuses."""

from collections.abc import Callable
from typing import Any

import pytest

from gitops.core.validation import formats
from gitops.core.validation.custom import check_limits, schemas_of
from gitops.core.wording import dotted, kind_of, listed, nearest

Flaw = Callable[[Any], str | None]
LONG = "x" * 64
CASES: list[tuple[Flaw, list[Any], list[Any]]] = [
    (formats.label_flaw, ["a", "a-1", "1"], ["", "A", "a.b", "-a", "a-", LONG, "a\n"]),
    (formats.subdomain_flaw, ["a.b-c", LONG], ["a..b", ".a", "a_b", "x" * 254, "ä"]),
    (formats.wildcard_flaw, ["*.a.b", "a.b"], ["*", "*.", "a.*"]),
    (formats.segment_flaw, ["system:a", "A b"], [".", "..", "a/b", "50%"]),
    (formats.port_name_flaw, ["http", "p-1"], ["80", "a--b", "Http", "x" * 16, "-a"]),
    (formats.qualified_flaw, ["a", "A_b.c", "a.b/c"], ["", "a/", "/a", "a/b/c", "A/b", LONG, "-a"]),
    (formats.label_value_flaw, ["", "a", "1.0_x"], ["a b", "-a", LONG, "é"]),
    (formats.config_key_flaw, ["a.b", "_-"], [".", "..", "a/b", "..a", "x" * 254]),
    (formats.env_name_flaw, ["A", "a.b-c", "1 2"], ["", "A=B", "é", "a\tb"]),
    (
        formats.quantity_flaw,
        [1, 1.5, "0", "+1", "-.5Gi", "1.", "1e3", "1E-3", "5E", "100m", "1Ki", "3u", "2n"],
        ["", "1 Gi", "1gi", "512MB", "1k8", "e3", "1Ti2", "1KI", ".", "1ki", "2gb", "3kB"],
    ),
    (formats.base64_flaw, ["", "YQ==", "YW\nJj", "\r\n"], ["YQ", "a", "Y Q==", "-_==", "é"]),
    (
        formats.time_flaw,
        ["2026-01-31T12:00:00Z", "2026-01-31T12:00:00.5+01:00"],
        ["2026-01-31", "2026-13-01T00:00:00Z", "yesterday", "2026-01-31T25:00:00Z"],
    ),
    (formats.duration_flaw, ["0", "1h30m", "-1.5s", ".5ms", "3µs"], ["", "1", "1d", "h"]),
    (formats.address_flaw, ["10.0.0.1", "::1"], ["10.0.0", "a"]),
    (
        formats.schedule_flaw,
        ["* * * * *", "*/5 0-6 1,15 jan-DEC sun", "@daily", "@every 1h", "0 0 ? * 0"],
        ["* * * *", "60 * * * *", "* * 0 * *", "5-1 * * * *", "*/0 * * * *", "@dayly", "@every x",
         "CRON_TZ=UTC * * * * *", "a * * * *", "* * * * 7", "1- * * * *", "* * * foo *"],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("flaw", "good", "bad"), CASES, ids=[c[0].__name__ for c in CASES])
def test_what_is_accepted_and_what_is_not(flaw: Flaw, good: list[Any], bad: list[Any]) -> None:
    assert {text: flaw(text) for text in good if flaw(text) is not None} == {}
    assert [text for text in bad if flaw(text) is None] == []


def test_a_wrong_unit_is_put_right() -> None:
    assert formats.quantity_flaw("2gb") == 'is not a quantity; write "2Gi" or "2G"'
    assert formats.quantity_flaw("3kB") == 'is not a quantity; write "3Ki" or "3k"'


@pytest.mark.parametrize(
    ("word", "found"),
    [
        ("replcias", "replicas"), ("Replicas", "replicas"), ("replicasx", "replicas"),
        ("rep", None), ("", None), ("volume", "volumes"), ("xyz", None),
    ],
)  # fmt: skip
def test_the_nearest_known_name(word: str, found: str | None) -> None:
    assert nearest(word, ["replicas", "volumes", "template"]) == found


def test_a_known_name_is_not_its_own_nearest() -> None:
    assert nearest("kind", ["kind"]) is None


def test_words() -> None:
    assert dotted(("a/b", "c", 0, "d.e")) == 'a/b.c[0]["d.e"]'
    assert dotted(()) == ""
    assert kind_of(object()) == "a value"
    assert listed(["a"]) == "a"
    assert listed(list("abcdefghijklmnop"), 2) == "a, b or …"


def test_limits_of_custom_resources_ignore_what_they_cannot_use() -> None:
    schema = {"pattern": "[", "minimum": "x", "maximum": True, "minItems": None, "items": [1]}

    assert not list(check_limits("a", schema))
    assert not list(check_limits(1, schema))
    assert not list(check_limits([1], schema))
    assert [f.message for f in check_limits(1, {"minimum": 1, "exclusiveMinimum": True})] == [
        " is 1, but must be more than 1"
    ]
    assert not list(schemas_of({"spec": {"names": []}}))


def test_patterns_of_custom_resources_take_no_longer_than_their_text() -> None:
    schema = {"pattern": "^(a+)+(b|ab)*$"}
    assert not list(check_limits("a" * 50_000, schema))
    assert len(list(check_limits("a" * 50_000 + "!", schema))) == 1


@pytest.mark.parametrize(
    ("pattern", "value", "matches"),
    [
        (r"^a\z", "a", True),
        (r"^\d+$", "\u0661", False),
        ("^a$", "a\n", False),
        (r"^\p{Greek}$", "\u03b2", True),
        ("(?=a)b", "c", True),
        ("((a{1000}){1000}){1000}", "c", True),
        ("\ud800", "\ud800", True),
    ],
    ids=ascii,
)
def test_patterns_of_custom_resources_are_go_s(pattern: str, value: str, *, matches: bool) -> None:
    assert (not list(check_limits(value, {"pattern": pattern}))) is matches
