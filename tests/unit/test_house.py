"""The house stays small: files of at most 400 lines, functions of at most 50 without docstring."""

import ast
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "gitops"


def functions(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            last = node.end_lineno or node.lineno
            documented = ast.get_docstring(node) is not None
            first = node.body[0].end_lineno if documented else node.lineno - 1
            yield f"{path.name}:{node.name}", last - (first or 0)


def test_files_have_at_most_400_lines() -> None:
    sizes = {p.name: len(p.read_text().splitlines()) for p in PACKAGE.rglob("*.py")}
    assert {name: size for name, size in sizes.items() if size > 400} == {}


def test_functions_have_at_most_50_lines() -> None:
    sizes = [one for path in PACKAGE.rglob("*.py") for one in functions(path)]
    assert [(name, size) for name, size in sizes if size > 50] == []
