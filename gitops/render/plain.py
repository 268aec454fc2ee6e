"""Plain manifests: files of a folder, as Argo CD's directory type takes them.

In: a closure, the folder or file, and the source's settings. Out: the files in order, then their
texts. No program runs and nothing is exported: files are read from the checkout.
"""

import re
from dataclasses import dataclass
from typing import Final

from gitops.errors import RenderError
from gitops.model.application import DirectorySource
from gitops.ports import RenderedText, TreeEntry
from gitops.render.closure import Closure
from gitops.render.globs import compile_glob
from gitops.render.tree import Spot

MAX_COMBINED_BYTES: Final = 10 * 1024 * 1024
SKIP_MARK: Final = "+argocd:skip-file-rendering"
SUFFIXES: Final = (".yaml", ".yml", ".json")
_JSON: Final = ".json"
OVERRIDES: Final = re.compile(r"(^|/)\.argocd-source(-[^/]*)?\.yaml$")
"""What speaks of a source and is no manifest: see `render/overrides.py`."""
_AT_START: Final = re.compile(
    r"""^(?:---\s+)?(?:-\s+)?["']?(?:apiVersion|kind|metadata)["']?\s*:""", re.MULTILINE
)
_FLOW: Final = re.compile(r"^(?:---\s+)?[\[{]", re.MULTILINE)
_NAMES: Final = ("apiVersion", "kind", "metadata")
_BYTE_ORDER_MARKS: Final = (
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)


@dataclass(frozen=True, slots=True)
class PlainFile:
    """A file as it is named in the folder, and what it is after links."""

    path: str
    spot: Spot


def read_plain(closure: Closure, root: Spot, source: DirectorySource) -> list[PlainFile]:
    """The files that would be rendered, in the order of a walk; fills the closure.

    Raises:
        RenderError: `refused` for Jsonnet and escaping links.
    """
    closure.watched.add(root.path)
    closure.content.update(root.links)
    if root.kind == "file":
        closure.add(root)
        return [PlainFile(root.path, root)]
    wanted = _filter(source)
    files: list[PlainFile] = []
    entries = closure.tree.checkout.entries(root.path, recurse=source.recurse)
    for entry in sorted(entries, key=lambda entry: entry.path.split("/")):
        relative = entry.path if root.path == "." else entry.path.removeprefix(root.path + "/")
        spot = _manifest(closure, entry, relative) if wanted(relative) else None
        if spot is not None:
            closure.add(spot)
            files.append(PlainFile(entry.path, spot))
    return files


class _filter:  # noqa: N801 -- a function with two patterns kept
    def __init__(self, source: DirectorySource) -> None:
        self.include = source.include and compile_glob(
            source.include, where="spec.source.directory.include"
        )
        self.exclude = source.exclude and compile_glob(
            source.exclude, where="spec.source.directory.exclude"
        )

    def __call__(self, relative: str) -> bool:
        if self.exclude and self.exclude.matches(relative):
            return False
        return not self.include or self.include.matches(relative)


def _manifest(closure: Closure, entry: TreeEntry, relative: str) -> Spot | None:
    """The real file of an entry that has a manifest's name; None where it is none."""
    if relative.endswith(".jsonnet"):
        raise RenderError(
            "Jsonnet is not supported yet",
            where=entry.path,
            remedy="exclude it with spec.source.directory.exclude, or commit what it produces",
            reason="refused",
        )
    if not relative.endswith(SUFFIXES) or OVERRIDES.search(relative):
        return None
    spot = closure.tree.look(entry.path, where=entry.path)
    return spot if spot.kind == "file" else None


def render_plain(closure: Closure, files: list[PlainFile]) -> list[RenderedText]:
    """The texts of those files that hold manifests.

    Raises:
        RenderError: `limit` beyond 10 MiB in all, `failed` where a file is not text, or is JSON
            and empty.
    """
    texts: list[RenderedText] = []
    total = 0
    for file in files:
        content = closure.tree.read(file.spot)
        total += len(content)
        if total > MAX_COMBINED_BYTES:
            raise RenderError(
                f"the folder's manifests are larger than {MAX_COMBINED_BYTES >> 20} MiB together",
                where=file.path,
                remedy="split them into several applications",
                reason="limit",
            )
        text = decode(content, file.path)
        if holds_manifests(text, file.path):
            texts.append(RenderedText(file.path, text))
    return texts


def decode(content: bytes, path: str) -> str:
    """Text of a file in UTF-8, or in UTF-16 with its mark."""
    marks = [name for mark, name in _BYTE_ORDER_MARKS if content.startswith(mark)]
    try:
        return content.decode(marks[0] if marks else "utf-8")
    except UnicodeDecodeError as error:
        raise RenderError(
            f"the file is not UTF-8 text (byte {error.start})", where=path, reason="failed"
        ) from error


def holds_manifests(text: str, path: str) -> bool:
    """Whether a file is meant as manifests, and not as something else that is YAML too.

    Argo CD ignores what it cannot read as objects, unless `apiVersion:`, `kind:` and `metadata:`
    all occur. Here one of them at the start of a line is enough, so that a manifest with one
    misspelt key is an error that somebody sees. JSON is always meant as an object, as there: one
    that was cut off must not take its object out of the desired state.

    Raises:
        RenderError: `failed`, where JSON says nothing at all.
    """
    if SKIP_MARK in text:
        return False
    if path.endswith(_JSON):
        if text.strip() in ("", "null"):
            raise RenderError(
                "the file is empty, and JSON has to be an object",
                where=path,
                remedy="exclude it with spec.source.directory.exclude, or remove it",
                reason="failed",
            )
        return True
    if _AT_START.search(text):
        return True
    if all(f"{name}:" in text for name in _NAMES):
        return True
    return bool(_FLOW.match(text.lstrip())) and any(f'"{name}"' in text for name in _NAMES)
