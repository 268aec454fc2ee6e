"""Repositories that want a program run on our machine: nothing of them ever is.

Programs come from configuration, attributes, hooks and URLs of submodules; each of these touches a
canary if it runs. That a canary sings at all is shown with a plain clone.
"""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from gitops.errors import SourceError
from gitops.source.options import GitOptions
from tests.helpers.gitworld import World, make_world
from tests.helpers.repo import GIT

ATTRIBUTES = "* filter=evil diff=evil merge=evil text eol=crlf ident export-subst\n"
HOOKS = (
    "reference-transaction", "post-checkout", "pre-receive", "post-receive", "post-update",
    "update", "proc-receive", "post-index-change", "pre-auto-gc", "fsmonitor-watchman",
)  # fmt: skip


class Canary:
    """A program that leaves a file behind when it runs."""

    def __init__(self, folder: Path) -> None:
        self._sung = folder / "sung"
        self.program = folder / "canary.sh"
        self.program.write_text(f"#!/bin/sh\ntouch {self._sung}\nexec cat\n")
        self.program.chmod(0o755)

    @property
    def has_sung(self) -> bool:
        return self._sung.exists()

    def into(self, git_folder: Path) -> None:
        """Into the configuration and the hooks of a repository, wherever git looks for programs."""
        hooks = git_folder / "hooks"
        hooks.mkdir(exist_ok=True)
        for name in HOOKS:
            (hooks / name).unlink(missing_ok=True)
            (hooks / name).symlink_to(self.program)
        keys = (
            "filter.evil.smudge", "filter.evil.clean", "filter.evil.process", "diff.external",
            "diff.evil.textconv", "diff.evil.command", "core.fsmonitor", "core.sshCommand",
            "core.editor", "core.gitProxy", "core.pager", "core.alternateRefsCommand",
            "uploadpack.packObjectsHook", "gpg.program", "credential.helper", "merge.evil.driver",
        )  # fmt: skip
        for key in keys:
            self._set(git_folder, key, str(self.program))
        self._set(git_folder, "core.hooksPath", str(hooks))
        self._set(git_folder, "filter.evil.required", "true")

    def _set(self, git_folder: Path, key: str, value: str) -> None:
        command = [GIT, "config", "--file", str(git_folder / "config"), key, value]
        subprocess.run(command, check=True)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with make_world("file", tmp_path) as made:
        yield made


@pytest.fixture
def canary(tmp_path: Path) -> Canary:
    return Canary(tmp_path)


def changed(world: World) -> Path:
    """Fetch a first commit, and push a second; the mirror's folder."""
    world.repo.write(".gitattributes", ATTRIBUTES).write("app/.gitattributes", ATTRIBUTES)
    world.repo.write(".gitconfig", "[include]\n\tpath = ../evil\n").commit("Attributes")
    world.repo.push()
    repositories = world.fetched()
    repositories.close()
    world.repo.write("app/id.txt", "$Id$ $Format:%H$\n").commit("More")
    world.repo.push()
    (mirror,) = (world.folder / "mirrors").glob("*.git")
    return mirror


def use_everything(world: World, folder: Path) -> dict[str, bytes]:
    """Whatever the service ever asks of a repository; the files that were exported."""
    repositories = world.repositories()
    first = repositories.resolve(world.url, "main").sha
    repositories.poll(world.url)
    repositories.fetch(world.url)
    second = repositories.resolve(world.url, "main").sha
    assert repositories.changed_paths(world.url, first, second) == {"app/id.txt"}
    repositories.keep(world.url, [first])
    repositories.maintain(world.url)
    repositories.checkout(world.url, second).export(folder)
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_programs_named_by_attributes_configuration_and_hooks_never_run(
    world: World, canary: Canary, tmp_path: Path
) -> None:
    mirror = changed(world)
    for git_folder in (world.repo.remote, mirror):
        canary.into(git_folder)
    files = use_everything(world, tmp_path / "out")
    assert files["app/id.txt"] == b"$Id$ $Format:%H$\n", "attributes change nothing"
    assert files["app/deployment.yaml"] == b"kind: Deployment\n"
    assert not canary.has_sung
    plain = [GIT, "-C", str(mirror), "log", "--patch", "--ext-diff", "main"]
    subprocess.run(plain, check=True, capture_output=True)
    assert canary.has_sung, "a plain git would have run it"


@pytest.mark.parametrize(
    "url",
    [
        "ext::{program}",
        "ext::sh -c '{program}'",
        "--upload-pack={program}",
        "-u{program}",
        "ssh://-oProxyCommand={program}/x",
        "ssh://git@-oProxyCommand={program}/x.git",
        "-oProxyCommand={program}:x.git",
        "fd::17/{program}",
        "file://{folder}",
        "{folder}",
        "../../../../../..{folder}",
    ],
)
def test_a_submodule_s_url_runs_no_program_and_reads_no_other_repository(
    world: World, canary: Canary, tmp_path: Path, url: str
) -> None:
    mirror = changed(world)
    canary.into(mirror)
    world.repo.submodule("lib", url.format(program=canary.program, folder=mirror), "4" * 40)
    world.repo.commit_index()
    world.repo.push()
    options = GitOptions(submodule_prefixes=("*",))
    repositories = world.fetched(options)
    checkout = repositories.checkout(world.url, repositories.resolve(world.url, "main").sha)
    with pytest.raises(SourceError) as refused:
        checkout.export(tmp_path / "out")
    assert refused.value.reason == "submodule"
    assert not canary.has_sung


def test_a_submodule_s_name_and_path_lead_nowhere(world: World, canary: Canary) -> None:
    changed(world)
    lines = f"""\
[submodule "../../hooks"]
\tpath = app/../../escape
\turl = ../repo.git
\tupdate = !{canary.program}
\tbranch = --upload-pack={canary.program}
[include]
\tpath = {canary.program}
[core]
\thooksPath = {canary.program.parent}
\tfsmonitor = {canary.program}
"""
    world.repo.write(".gitmodules", lines).write("plain.txt", "plain\n").commit("Modules")
    world.repo.push()
    repositories = world.fetched()
    checkout = repositories.checkout(world.url, repositories.resolve(world.url, "main").sha)
    out = world.folder / "out"
    checkout.export(out)
    assert (out / "plain.txt").read_text() == "plain\n"
    assert not (world.folder / "escape").exists()
    assert not canary.has_sung
