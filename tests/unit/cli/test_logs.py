import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import structlog

from gitops.cli.logs import Redactor, configure, log_event, secrets_of
from gitops.model.events import Event
from gitops.repositories import git_secrets
from gitops.settings.load import Settings
from gitops.settings.sections import LogSection

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


def test_what_only_begins_as_a_token_does_takes_no_longer_than_its_text() -> None:
    text = "eyJ-" * 100_000
    assert Redactor().redact(text) == text


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


FORGED = "x\n2026-01-01 [info] deleted\r\t\x1b[2J\x1b[31m\x9b\u202e\u2028"


def test_what_others_wrote_begins_no_line_and_obeys_no_terminal(
    capsys: pytest.CaptureFixture[str],
) -> None:
    configure(LogSection(format="text"))
    log_event(Event(1, AT, FORGED, "problem", FORGED, data={"ref": FORGED, "all": [FORGED]}))
    logging.getLogger(FORGED).warning("it is %s", FORGED)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    for line in lines:
        assert line.isprintable()
        assert r"x\x0a2026-01-01 [info] deleted\x0d\x09\x1b[2J\x1b[31m\x9b\u202e\u2028" in line


def test_an_exception_of_others_begins_no_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure(LogSection(format="text"))
    try:
        int(FORGED, base=99)
    except ValueError as error:
        error.add_note(FORGED)
        logging.getLogger("elsewhere").exception("it failed")
    first, *rest = capsys.readouterr().err.splitlines()
    assert "it failed" in first
    assert rest
    assert all(line.startswith("    ") for line in rest)
    assert all(line.isprintable() for line in rest)


def test_credentials_in_files_are_known(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("planted/pass\n")
    (tmp_path / "key").write_text("-----BEGIN KEY-----\nplantedkeyline\n-----END KEY-----\n")
    credentials = [
        {"url_prefix": "https://a", "password_file": tmp_path / "password"},
        {"url_prefix": "ssh://a", "ssh_key_file": tmp_path / "key"},
        {"url_prefix": "ssh://b", "ssh_key_file": tmp_path / "nowhere"},
    ]
    known = git_secrets(Settings(git={"credentials": credentials}))
    assert {"planted/pass", "planted%2Fpass", "plantedkeyline"} <= known
    assert not [text for text in known if "BEGIN" in text]
