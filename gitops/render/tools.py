"""Where Kustomize and Helm are, and which versions.

In: PATH and the folder of the control plane's build. Out: `Tools`. Called by wiring and the command
line; the renderer holds one. A version is read from Go's build information in the binary, so that
asking for it starts nothing; what carries none is asked once, and remembered.
"""

import os
import re
import struct
import subprocess
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from shutil import which
from typing import BinaryIO, Final

from gitops.errors import RenderError

NAMES: Final = ("kustomize", "helm")
_MODULES: Final = {
    "kustomize": b"\tsigs.k8s.io/kustomize/kustomize/v",
    "helm": b"\thelm.sh/helm/v",
}
"""How the line of Go's build information begins that tells a tool's own version."""
_MODULE: Final = re.compile(rb"\d+\t(v\d+\.\d+\.\d+[\w.-]*)[\t\n]")
_LONGEST: Final = 256
"""Bytes of such a line at most."""
_PIECE: Final = 1 << 20
_QUESTIONS: Final = {"kustomize": ("version",), "helm": ("version", "--short")}
_VERSION: Final = re.compile(r"v?(\d+\.\d+(?:\.\d+)?[\w.-]*)")
_REMEDY: Final = "install it, or run `gitops cluster build`"


@dataclass(frozen=True, slots=True)
class Tools:
    """Paths of the tools; None where one is missing.

    `versions` may be given by whoever knows them; else they are found when first asked for.
    """

    kustomize: Path | None = None
    helm: Path | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    _found: dict[str, str] = field(default_factory=dict, compare=False, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, compare=False, repr=False)

    def path(self, name: str) -> Path:
        """Where a tool is.

        Raises:
            RenderError: `tool-missing`.
        """
        path: Path | None = getattr(self, name)
        if path is None:
            raise RenderError(f"{name} is not installed", remedy=_REMEDY, reason="tool-missing")
        return path

    def version(self, name: str) -> str:
        """`v5.8.1`.

        Raises:
            RenderError: `tool-missing` where there is none, or it does not run.
        """
        path = self.path(name)
        with self._lock:
            if name not in self._found:
                self._found[name] = self.versions.get(name) or _read_version(name, path)
            return self._found[name]

    def report(self) -> dict[str, str]:
        """Each tool's version, or why it is missing."""
        answers: dict[str, str] = {}
        for name in NAMES:
            try:
                answers[name] = self.version(name)
            except RenderError as error:
                answers[name] = f"missing: {error.message}; {error.remedy}"
        return answers


def find_tools(extra_dir: Path | None = None, path: str | None = None) -> Tools:
    """The user's own tools on PATH, else those in `extra_dir` (the control plane's build)."""
    found: dict[str, Path | None] = {}
    for name in NAMES:
        own = which(name, path=path)
        built = which(name, path=str(extra_dir)) if extra_dir is not None else None
        answer = own or built
        found[name] = Path(answer).resolve() if answer else None
    return Tools(kustomize=found["kustomize"], helm=found["helm"])


def _read_version(name: str, path: Path) -> str:
    return _embedded_version(name, path) or _asked_version(name, path)


def _embedded_version(name: str, path: Path) -> str | None:
    """Read from Go's own section, or piece by piece: a binary has up to 100 MB."""
    beginning = _MODULES[name]
    text = b""
    try:
        with path.open("rb") as file:
            file.seek(_build_information(file))
            while piece := file.read(_PIECE):
                text = text[-_LONGEST:] + piece
                at = text.find(beginning)
                while at >= 0:
                    if match := _MODULE.match(text, at + len(beginning)):
                        return match.group(1).decode()
                    at = text.find(beginning, at + 1)
    except OSError:
        return None
    return None


def _build_information(file: BinaryIO) -> int:
    """Where an ELF file (64 bits, little-endian) has Go's build information; else 0."""
    header = file.read(64)
    if header[:6] != b"\x7fELF\x02\x01":
        return 0
    try:
        return _section(file, header, b".go.buildinfo")
    except (struct.error, IndexError):
        return 0


def _section(file: BinaryIO, header: bytes, wanted: bytes) -> int:
    (table,) = struct.unpack_from("<Q", header, 40)
    size, count, names_at = struct.unpack_from("<3H", header, 58)
    file.seek(table)
    sections = file.read(size * count)
    offsets = [struct.unpack_from("<Q", sections, size * at + 24)[0] for at in range(count)]
    file.seek(offsets[names_at])
    names = file.read(_PIECE)
    for at in range(count):
        (name,) = struct.unpack_from("<I", sections, size * at)
        if names.startswith(wanted + b"\0", name):
            return int(offsets[at])
    return 0


def _asked_version(name: str, path: Path) -> str:
    try:
        answer = subprocess.run(
            [path, *_QUESTIONS[name]],
            capture_output=True,
            check=True,
            stdin=subprocess.DEVNULL,
            timeout=60,
            env={"PATH": os.defpath},
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise RenderError(
            f"{name} does not run", where=str(path), remedy=_REMEDY, reason="tool-missing"
        ) from error
    match = _VERSION.search(answer.stdout.decode("utf-8", "replace"))
    return f"v{match.group(1)}" if match else "unknown"
