"""What anybody may have written into a name or a message, on a terminal and in JSON."""

import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gitops.cli.main import run, unexpected
from gitops.cli.output import columns, emit, escaped, print_error, to_json, visible
from gitops.cli.tables import application_table, event_line, history_table, status_page
from gitops.errors import GitopsError, InputError
from tests.helpers.values import law

HOSTILE = "\x1b]0;title\x07 \x1b[2J\x1b[1A \x9b31m \x7f \r\b \u202e\u2066 \u2028 \ud800"
DANGEROUS = ("\x1b]", "\x1b[2", "\x07", "\x9b", "\x7f", "\r", "\b", "\u202e", "\u2066", "\u2028")


def is_harmless(text: str) -> bool:
    """Whether nothing in a text is obeyed by a terminal but colours and line breaks."""
    rest = text
    for code in (0, 1, 2, *range(30, 38)):
        rest = rest.replace(f"\x1b[{code}m", "")
    rest.encode()  # no half of a character
    return all(c.isprintable() or c in "\n\t" for c in rest)


@law
@given(st.text())
def test_no_text_is_obeyed_by_a_terminal(text: str) -> None:
    shown = visible(text)
    assert not any(sign in shown for sign in DANGEROUS)
    shown.encode()


def test_what_was_hidden_can_be_read() -> None:
    assert visible("a\x1b[2Jb\x07\x00") == "a\\x1b[2Jb\\x07\\x00"
    assert visible("\u202egnp.exe") == "\\u202egnp.exe"
    assert visible("a\n\tb \x1b[31mred\x1b[0m") == "a\n\tb \x1b[31mred\x1b[0m"


def test_colours_of_others_are_not_taken_for_ours(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    name = "x \x1b[32mHealthy\x1b[0m"
    emit([name], "table", lambda: f"\x1b[31mDegraded\x1b[0m {name}")
    assert "\x1b" not in capsys.readouterr().out


def status(text: str) -> dict[str, object]:
    """An application as the API answers it, with one text everywhere."""
    health = {"status": text, "message": text}
    commit = {"sha": text, "author": text, "message": text, "at": text, "signature": text}
    return {
        "name": text, "project": text, "dependsOn": [text], "automated": True,
        "sources": [{"repoURL": text, "path": text, "targetRevision": text}],
        "destination": {"name": text, "namespace": text},
        "origin": {"kind": text, "where": text}, "sync": text, "health": health, "message": text,
        "commit": commit, "revision": 1, "suspended": True, "heldBack": commit,
        "pin": {"revision": 1, "actor": text, "reason": text},
        "waitingFor": [text], "warnings": [text], "busy": True,
        "objects": [{"apiVersion": text, "kind": text, "namespace": text, "name": text,
                     "sync": text, "health": health, "message": text}],
    }  # fmt: skip


def test_tables_of_hostile_texts_are_harmless(capsys: pytest.CaptureFixture[str]) -> None:
    value = status(HOSTILE)
    row = {"number": 1, "kind": HOSTILE, "state": HOSTILE, "health": HOSTILE, "trigger": HOSTILE,
           "actor": HOSTILE, "commit": HOSTILE, "startedAt": HOSTILE, "message": HOSTILE,
           "subject": HOSTILE, "source": None, "partial": False, "count": 1}  # fmt: skip
    event = {"at": "2026-01-01T00:00:00Z", "application": HOSTILE, "kind": HOSTILE,
             "message": HOSTILE, "data": {"state": HOSTILE}}  # fmt: skip
    emit(value, "table", lambda: status_page(value))
    emit([value], "table", lambda: application_table([value]))
    emit([row], "table", lambda: history_table([row]))
    emit(event, "table", lambda: event_line(event, named=True))
    assert is_harmless(capsys.readouterr().out)


def test_a_row_of_a_table_is_one_line() -> None:
    table = columns(("name", "sync"), [["a\nevil   Synced\r\t\u2028", "OutOfSync"], ["b", "-"]])
    assert len(table.splitlines()) == 3
    assert r"a\x0aevil   Synced\x0d\x09\u2028   OutOfSync" in table


def test_an_exported_line_is_harmless_and_says_the_same() -> None:
    line = json.dumps({"a": HOSTILE.replace("\ud800", "")}, ensure_ascii=False).encode()
    assert json.loads(escaped(line)) == json.loads(line)
    assert is_harmless(escaped(line).decode())


@pytest.mark.parametrize("argv", [["list"], ["list", "-o", "json"]], ids=["text", "json"])
def test_errors_of_hostile_texts_are_harmless(
    capsys: pytest.CaptureFixture[str], argv: list[str]
) -> None:
    print_error(InputError(HOSTILE, where=HOSTILE, remedy=HOSTILE), argv)
    assert is_harmless(capsys.readouterr().err)


@pytest.mark.parametrize("more", [[], ["-o", "json"]], ids=["text", "json"])
def test_wrong_usage_with_hostile_words_is_harmless(
    capsys: pytest.CaptureFixture[str], more: list[str]
) -> None:
    for argv in (["health", f"--{HOSTILE}"], ["show", "x", HOSTILE], [HOSTILE]):
        assert run([*argv, *more]) == 2
        told = capsys.readouterr().err
        assert is_harmless(told)
        if more:
            assert json.loads(told)["error"]["code"] == "usage"


@law
@given(st.text())
def test_json_says_the_same_and_is_harmless(text: str) -> None:
    written = to_json({text: text})
    assert json.loads(written) == {text: text}
    assert not any(sign in written.decode() for sign in DANGEROUS)


def test_json_has_no_limits_of_its_own() -> None:
    deep: object = 1
    for _ in range(400):
        deep = [deep]
    for value in (2**80, -(2**70), "\udcff.yaml", {"\ud800": 1}, deep):
        assert json.loads(to_json(value)) == value


def test_yaml_keeps_what_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    emit({"a": HOSTILE}, "yaml", str)
    written = capsys.readouterr().out
    assert yaml.safe_load(written) == {"a": HOSTILE}
    assert "\x1b" not in written


def raised(error: Exception) -> Exception:
    """An error that was raised somewhere."""
    with pytest.raises(type(error)) as caught:
        raise error
    return caught.value


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (RecursionError("deep"), "nested too deeply"),
        (MemoryError(), "not enough memory"),
        (PermissionError(13, "Permission denied", "/x"), "Permission denied /x"),
        (ValueError("planted-secret"), "a defect in gitops stopped this command (ValueError)"),
    ],
)
def test_what_nobody_foresaw_is_a_sentence_without_values(error: Exception, words: str) -> None:
    told: GitopsError = unexpected(raised(error))
    assert words in told.message
    assert "planted" not in str(told)
