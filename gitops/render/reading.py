"""Kustomizations and charts read for their references only; nothing of them is rendered here.

In: bytes of a YAML file of the repository. Out: dicts, lists and `Located` strings (scalars keep
their text and their line). Called by the closures of Kustomize and Helm. Size, depth and aliases
are bounded, because whoever can push to the repository can write these files.
"""

from collections.abc import Iterator
from typing import Any, Final

import yaml

from gitops.errors import RenderError

MAX_BYTES: Final = 1024 * 1024
MAX_DEPTH: Final = 100
"""Deeper nesting overflows the C stack of libyaml's composer, which would end the process."""


class Located(str):
    """A string that knows the line on which it was written, counted from 1."""

    __slots__ = ("line",)
    line: int


class _Strings(yaml.CSafeLoader):
    """Reads every scalar as a `Located` string, but nulls and merge keys."""

    yaml_implicit_resolvers = {  # noqa: RUF012 -- PyYAML's own class attribute, replaced whole
        first: [pair for pair in pairs if pair[0].endswith((":null", ":merge"))]
        for first, pairs in yaml.CSafeLoader.yaml_implicit_resolvers.items()
    }


def _located(loader: yaml.CSafeLoader, node: yaml.ScalarNode) -> Located:
    text = Located(loader.construct_scalar(node))
    text.line = node.start_mark.line + 1
    return text


_Strings.add_constructor("tag:yaml.org,2002:str", _located)


def read_documents(content: bytes, path: str) -> list[Any]:
    """Every document of a YAML file.

    Raises:
        RenderError: `failed` with the line where it cannot be read, `limit` where it is too large.
    """
    if len(content) > MAX_BYTES:
        raise RenderError(
            f"the file is larger than {MAX_BYTES // 1024} KiB", where=path, reason="limit"
        )
    try:
        _check_depth(content, path)
        return list(yaml.load_all(content, Loader=_Strings))
    except yaml.YAMLError as error:
        raise RenderError(
            f"it is not valid YAML: {_problem(error)}",
            where=_place(error, path),
            reason="failed",
        ) from error
    except (ValueError, TypeError, RecursionError) as error:
        raise RenderError(f"it is not valid YAML: {error}", where=path, reason="failed") from error


def read_mapping(content: bytes, path: str) -> dict[str, Any]:
    """The one mapping that a kustomization or a chart is; an empty file is an empty one."""
    documents = [document for document in read_documents(content, path) if document is not None]
    if not documents:
        return {}
    if len(documents) > 1 or not isinstance(documents[0], dict):
        raise RenderError("it is not one mapping", where=path, reason="failed")
    return documents[0]


def strings(value: Any) -> Iterator[str]:
    """The strings of a list; nothing where it is none. A single string counts as a list of one."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        yield from (item for item in value if isinstance(item, str))


def mappings(value: Any) -> Iterator[dict[str, Any]]:
    """The mappings of a list; nothing where it is none."""
    if isinstance(value, list):
        yield from (item for item in value if isinstance(item, dict))


def relocate(origin: str, part: str) -> str:
    """A part of a string, with the line of the whole."""
    if not isinstance(origin, Located):
        return part
    located = Located(part)
    located.line = origin.line
    return located


def _check_depth(content: bytes, path: str) -> None:
    depth = 0
    for event in yaml.parse(content, Loader=yaml.CSafeLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                message = f"it is nested more than {MAX_DEPTH} levels deep"
                raise RenderError(message, where=path, reason="limit")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _problem(error: yaml.YAMLError) -> str:
    problem = getattr(error, "problem", None)
    return str(problem or error).splitlines()[0]


def _place(error: yaml.YAMLError, path: str) -> str:
    mark = error.problem_mark if isinstance(error, yaml.MarkedYAMLError) else None
    return f"{path}:{mark.line + 1}" if mark else path
