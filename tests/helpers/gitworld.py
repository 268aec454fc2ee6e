"""One repository with a mirror of it, over the transport that a test names."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from gitops.source.credentials import Credential
from gitops.source.options import GitOptions
from gitops.source.repositories import GitRepositories
from tests.helpers.gitserver import NO_SSHD, has_sshd, serve_http, serve_ssh
from tests.helpers.repo import Repo

TRANSPORTS = ("file", "http", "ssh")
PASSWORD = "s3cr3t-planted-token"


@dataclass
class World:
    """`repo` is what developers push to, `url` how the mirror reaches it."""

    folder: Path
    repo: Repo
    url: str
    credentials: list[Credential] = field(default_factory=list)
    opened: list[GitRepositories] = field(default_factory=list)

    def repositories(
        self, options: GitOptions | None = None, *, name: str = "mirrors"
    ) -> GitRepositories:
        """Mirrors in a folder; the same name again is a restart."""
        made = GitRepositories(self.folder / name, self.credentials, options)
        self.opened.append(made)
        return made

    def fetched(self, options: GitOptions | None = None) -> GitRepositories:
        """Mirrors that have fetched once."""
        made = self.repositories(options)
        made.fetch(self.url)
        return made


@contextlib.contextmanager
def make_world(transport: str, folder: Path) -> Iterator[World]:
    """A world with one commit (`app/deployment.yaml`) on `main`, pushed."""
    served = folder / "served"
    repo = Repo.create(served)
    repo.write("app/deployment.yaml", "kind: Deployment\n").commit("First commit")
    repo.push()
    with contextlib.ExitStack() as stack:
        world = World(folder, repo, repo.url)
        if transport == "http":
            http = stack.enter_context(serve_http(served))
            http.password = PASSWORD
            world.url = http.url(repo.remote.name)
            world.credentials.append(Credential(http.origin, username="git", password=PASSWORD))
        elif transport == "ssh":
            if not has_sshd():
                pytest.skip(NO_SSHD)
            ssh = stack.enter_context(serve_ssh(served, folder / "ssh"))
            world.url = ssh.url(repo.remote.name)
            credential = Credential(ssh.origin, ssh_key=ssh.key, known_hosts=ssh.known_hosts)
            world.credentials.append(credential)
        try:
            yield world
        finally:
            for repositories in world.opened:
                repositories.close()
