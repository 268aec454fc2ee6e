from pathlib import Path

import pytest

from gitops.errors import SettingsError
from gitops.settings.load import load_settings

PLANTED = "planted-7f3a9c"
BOMB = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n"
    for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)


def refused(tmp_path: Path, text: str | bytes) -> SettingsError:
    """The error that a settings file is refused with."""
    file = tmp_path / "gitops.yaml"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(SettingsError) as caught:
        load_settings(file)
    assert str(file) in str(caught.value.where)
    return caught.value


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("server: [", "is not YAML"),
        ("server: " + "[" * 100_000, "nested more than"),
        ("{" * 100_000, "nested more than"),
        (BOMB, "aliases expand to far more"),
        ("a: &a [*a]", "is not YAML"),
        ("server: {port: 1}\nserver: {port: 2}", 'the key "server" is given twice'),
        ("server: !!python/object/apply:os.system [id]", "server: "),
        ("- server", "one mapping of sections"),
        ("server: {port: 1}\n---\nlog: {level: info}", "one mapping of sections"),
        (b"log: \xff", "is not UTF-8"),
        ("log: {level: \0}", "is not YAML"),
        ("server: text", "server: "),
        ("server: {port: [1]}", "server.port: "),
        ("nonsense: 1", "unknown setting nonsense"),
    ],
    ids=range(14),
)
def test_a_file_that_cannot_be_used_is_one_sentence(
    tmp_path: Path, text: str | bytes, words: str
) -> None:
    error = refused(tmp_path, text)
    assert words in error.message
    assert error.remedy


@pytest.mark.parametrize(
    "text",
    [
        f"server: {{token: {PLANTED}",
        f"server: {{token: {PLANTED}}}\n\t{PLANTED}: 1",
        f"--- {PLANTED}",
        f"server: {{token: [{PLANTED}]}}",
        f"webhook: {{github: {{secret: {PLANTED}}}}}",
        f"git: {{credentials: [{{urlPrefix: 'https://x', password: {{a: {PLANTED}}}}}]}}",
        f"server: *{PLANTED}",
    ],
)
def test_what_cannot_be_read_is_told_without_what_may_be_a_secret(
    tmp_path: Path, text: str
) -> None:
    assert PLANTED not in str(refused(tmp_path, text))


def test_an_empty_file_is_the_defaults(tmp_path: Path) -> None:
    file = tmp_path / "gitops.yaml"
    file.write_text("# nothing yet\n")
    assert load_settings(file).server.port == 8080
