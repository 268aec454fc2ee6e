"""Files that were written to exhaust whoever reads them end in one sentence, in every command."""

from collections.abc import Callable
from pathlib import Path

import pytest

from gitops.cli.main import run

OBJECT = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"
GOOD = OBJECT + "data: {a: b}\n"


def laughs(levels: int) -> str:
    """Aliases of aliases: nine times as much with each line."""
    lines = [f"x{n}: &x{n} [{', '.join([f'*x{n - 1}'] * 9)}]\n" for n in range(1, levels)]
    return OBJECT + "x0: &x0 [a, a, a, a, a, a, a, a, a]\n" + "".join(lines)


BOMBS: dict[str, Callable[[], str]] = {
    "aliases": lambda: laughs(12),
    "merges": lambda: laughs(12).replace("[", "{<<: [").replace("]", "]}"),
    "itself": lambda: OBJECT + "data: &a {b: *a}\n",
    "flow": lambda: OBJECT + "data: " + "[" * 100_000,
    "maps": lambda: OBJECT + "data: " + "{a: " * 100_000,
    "json": lambda: '{"kind": "X", "spec": ' + '{"a":' * 100_000,
    "closed-json": lambda: '{"kind": "X", "spec": ' + '{"a":' * 5_000 + "1" + "}" * 5_001,
    "lists": lambda: '{"kind": "List", "apiVersion": "v1", "items": [' * 300 + "]}" * 300,
    "digits": lambda: f"{OBJECT}spec: {{a: {'9' * 200_000}, b: 0x{'f' * 200_000}, c: 1e999999}}\n",
    "documents": lambda: "---\n" * 20_000 + "a: [\n",
}
BEARABLE = ("digits", "lists")
"""What some commands can read all the same."""
COMMANDS = {
    "validate": ["validate", "FILE"],
    "health": ["health", "-f", "FILE"],
    "desired": ["diff", "--desired", "FILE", "--actual", "GOOD"],
    "actual": ["diff", "--desired", "GOOD", "--actual", "FILE"],
    "last": ["diff", "--desired", "GOOD", "--actual", "GOOD", "--last-applied", "FILE"],
    "render": ["render", "-f", "FILE"],
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_ends_in_a_sentence(
    tmp_path: Path, bomb: str, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bomb.yaml").write_text(BOMBS[bomb]())
    (tmp_path / "good.yaml").write_text(GOOD)
    places = {"FILE": str(tmp_path / "bomb.yaml"), "GOOD": str(tmp_path / "good.yaml")}
    code = run([places.get(word, word) for word in COMMANDS[command]])
    told = capsys.readouterr()
    assert code in ((0, 1, 3) if bomb in BEARABLE else (1,))
    assert "defect" not in told.err
    assert len(told.err) < 2_000
    assert len(told.out) < 1_000_000
