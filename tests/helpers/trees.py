"""Checkouts in memory, with links and submodules; and what renders are asked with."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha1
from pathlib import Path

from gitops.errors import SourceError
from gitops.model.application import Application, Destination, Source
from gitops.model.revision import Commit
from gitops.ports import Checkout, RenderRequest, TreeEntry

SHA = "0123456789abcdef0123456789abcdef01234567"


@dataclass(frozen=True)
class Link:
    """A symbolic link."""

    target: str


@dataclass(frozen=True)
class Module:
    """A submodule's pointer, with its content."""

    files: Mapping[str, str | bytes | Link]


Content = str | bytes | Link | Module


class MemoryCheckout:
    """A `Checkout` over a mapping of path to content; tells what was read and listed."""

    def __init__(self, files: Mapping[str, Content], sha: str = SHA) -> None:
        self.commit = Commit(sha=sha)
        self.repo_url = "https://git.example.com/shop.git"
        self.reads: list[str] = []
        self.listed: list[str] = []
        self.files: dict[str, str | bytes | Link] = {}
        self.modules: set[str] = set()
        for path, content in files.items():
            if isinstance(content, Module):
                self.modules.add(path)
                self.files |= {f"{path}/{name}": value for name, value in content.files.items()}
            else:
                self.files[path] = content

    def object_sha(self, path: str) -> str | None:
        if path in self.files:
            return sha1(_bytes(self.files[path]), usedforsecurity=False).hexdigest()
        below = self._below(path)
        if not below:
            return None
        digest = sha1(usedforsecurity=False)
        for name in below:
            digest.update(f"{name} {self.object_sha(name)}\n".encode())
        return digest.hexdigest()

    def entry(self, path: str) -> TreeEntry | None:
        there = path == "." or path in self.files or bool(self._below(path))
        return TreeEntry(path, self._mode(path), "") if there else None

    def entries(self, path: str, *, recurse: bool) -> Sequence[TreeEntry]:
        self.listed.append(path)
        head = "" if path == "." else f"{path}/"
        below = self._below(path)
        if recurse:
            return [TreeEntry(name, self._mode(name), "") for name in below]
        names = sorted({head + name.removeprefix(head).split("/")[0] for name in below})
        return [TreeEntry(name, self._mode(name), "") for name in names]

    def read(self, path: str) -> bytes:
        self.reads.append(path)
        if path not in self.files:
            raise SourceError(f"there is no {path!r}", reason="path-missing")
        return _bytes(self.files[path])

    def export(self, folder: Path, paths: Collection[str] = (".",)) -> None:
        wanted = {
            name for path in paths for name in ([path] if path in self.files else self._below(path))
        }
        for name in wanted:
            target, content = folder / name, self.files[name]
            target.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, Link):
                target.symlink_to(content.target)
            else:
                target.write_bytes(_bytes(content))

    def _below(self, path: str) -> list[str]:
        head = "" if path == "." else f"{path}/"
        return sorted(name for name in self.files if name.startswith(head))

    def _mode(self, path: str) -> str:
        if path in self.modules:
            return "160000"
        if path not in self.files:
            return "040000"
        return "120000" if isinstance(self.files[path], Link) else "100644"


def _bytes(content: str | bytes | Link) -> bytes:
    if isinstance(content, Link):
        return content.target.encode()
    return content.encode() if isinstance(content, str) else content


def request(
    files: Mapping[str, Content] | Checkout,
    source: Source | None = None,
    *,
    name: str = "shop",
    namespace: str = "",
    lent: Sequence[tuple[Source, Checkout]] = (),
    kube_version: str = "v1.36.3",
) -> RenderRequest:
    """A request for one source (`app` by default), and further ones that lend files."""
    checkout = MemoryCheckout(files) if isinstance(files, Mapping) else files
    source = source or at("app")
    sources = ((source, checkout), *lent)
    application = Application(
        name=name,
        sources=tuple(item for item, _ in sources),
        destination=Destination(namespace=namespace),
    )
    return RenderRequest(application, sources, kube_version)


def at(path: str, **settings: object) -> Source:
    """A source at a path with a tool's settings."""
    return Source(repo_url="https://git.example.com/shop.git", path=path, **settings)
