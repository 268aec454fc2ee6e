import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
import structlog

from gitops.cli.logs import Redactor, configure, log_event, secrets_of
from gitops.model.events import Event
from gitops.settings import LogSection, Settings

AT = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    handlers, level = logging.root.handlers[:], logging.root.level
    yield
    structlog.reset_defaults()
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("the key is hunter22!", "the key is ***!"),
        ("https://ann:pass@git.example/x", "https://***@git.example/x"),
        ("Authorization: Bearer abcdefgh12345", "Authorization: Bearer ***"),
        ("ghp_" + "a" * 36, "***"),
        ("glpat-" + "a" * 20, "***"),
        ("eyJhbGciOiJSUzI1NiIs.eyJzdWIiOiIxMjM0.c2lnbmF0dXJl", "***"),
        ("nothing to hide", "nothing to hide"),
    ],
)
def test_credentials_do_not_show(text: str, shown: str) -> None:
    redact = Redactor(["hunter22", "abc"])
    assert redact.redact(text) == shown
    assert redact.redact({"a": [text, (text,)]}) == {"a": [shown, [shown]]}


def test_what_is_named_like_a_secret_does_not_show() -> None:
    line = {"token": "x1", "db_password": "x2", "secret": "", "tokens": 3, "in": {"apiKey": "x3"}}
    assert Redactor()(None, "info", dict(line)) == {
        "token": "***", "db_password": "***", "secret": "", "tokens": 3, "in": {"apiKey": "***"},
    }  # fmt: skip


def test_secrets_of_the_settings_are_known() -> None:
    settings = Settings(
        server={"token": "token-1"},
        webhook={"github": "hook-2"},
        git={"credentials": [{"url_prefix": "https://a", "password": "pass-3"}]},
    )
    assert {"token-1", "hook-2", "pass-3"} <= secrets_of(settings)


def test_an_event_is_a_line_with_application_and_revision(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure(LogSection(format="json"), ["hunter22"])
    log_event(Event(1, AT, "shop", "revision-closed", "hunter22", 3, {"state": "failed"}))
    log_event(Event(2, AT, "shop", "health", "Healthy"))
    log_event(Event(3, AT, "shop", "rollback-failed", ""))
    printed = capsys.readouterr()
    lines = [json.loads(line) for line in printed.err.splitlines()]
    assert printed.out == ""
    assert [line["level"] for line in lines] == ["warning", "info", "error"]
    assert lines[0] | {"timestamp": ""} == {
        "application": "shop", "revision": 3, "kind": "revision-closed", "state": "failed",
        "event": "***", "level": "warning", "timestamp": "",
    }  # fmt: skip
    assert lines[2]["event"] == "rollback-failed"


def test_text_is_for_people_and_levels_are_kept(capsys: pytest.CaptureFixture[str]) -> None:
    configure(LogSection(format="text", level="warning"))
    log_event(Event(1, AT, "shop", "health", "Healthy"))
    log_event(Event(2, AT, "shop", "problem", "no such branch"))
    err = capsys.readouterr().err
    assert "Healthy" not in err
    assert "no such branch" in err
    assert "application=shop" in err


def test_other_libraries_log_the_same_way(capsys: pytest.CaptureFixture[str]) -> None:
    configure(LogSection(format="json"), ["hunter22"])
    logging.getLogger("elsewhere").info("chatter")
    logging.getLogger("elsewhere").warning("it is %s", "hunter22")
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["event"] for line in lines] == ["it is ***"]
