"""Git repositories in a temporary folder: a bare remote and a clone that commits and pushes to it.

Every call is a real git with an environment of its own. Authors and dates are fixed, so the same
steps give the same hashes.
"""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Self

GIT = shutil.which("git") or "git"
"""The real git, found before a test puts a shim on PATH."""

AUTHOR = "Ada Lovelace <ada@example.com>"


def git(*arguments: str, cwd: Path, text: str | None = None, **variables: str) -> str:
    """Run git; returns what it printed, stripped; raises with what it said when it fails."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(cwd),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_AUTHOR_NAME": "Ada Lovelace",
        "GIT_AUTHOR_EMAIL": "ada@example.com",
        "GIT_COMMITTER_NAME": "Ada Lovelace",
        "GIT_COMMITTER_EMAIL": "ada@example.com",
        "LC_ALL": "C.UTF-8",
        **variables,
    }
    done = subprocess.run(
        [GIT, *arguments],
        cwd=cwd,
        env=environment,
        input=text,
        capture_output=True,
        text=True,
        errors="surrogateescape",
        check=False,
    )
    if done.returncode:
        raise AssertionError(f"git {' '.join(arguments)}: {done.stderr}")
    return done.stdout.strip()


class Repo:
    """A bare repository `remote` and a clone `work` of it; branch `main` is checked out."""

    def __init__(self, remote: Path, work: Path) -> None:
        self.remote = remote
        self.work = work
        self._second = 0

    @classmethod
    def create(cls, folder: Path, name: str = "repo") -> Self:
        """Make both below a folder, which is made; nothing is committed yet."""
        folder.mkdir(parents=True, exist_ok=True)
        repo = cls(folder / f"{name}.git", folder / f"{name}-work")
        git("init", "--quiet", "--bare", "-b", "main", str(repo.remote), cwd=folder)
        git("-C", str(repo.remote), "config", "http.receivepack", "true", cwd=folder)
        git("init", "--quiet", "-b", "main", str(repo.work), cwd=folder)
        git("remote", "add", "origin", str(repo.remote), cwd=repo.work)
        return repo

    @property
    def url(self) -> str:
        """The remote as a `file://` URL."""
        return f"file://{self.remote}"

    def git(self, *arguments: str, text: str | None = None, **variables: str) -> str:
        """Run git in the clone."""
        return git(*arguments, cwd=self.work, text=text, **variables)

    def write(self, path: str, content: str | bytes) -> Self:
        """Write a file, with its folders."""
        place = self.work / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content if isinstance(content, bytes) else content.encode())
        return self

    def link(self, path: str, target: str) -> Self:
        """Make a symbolic link."""
        place = self.work / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.unlink(missing_ok=True)
        place.symlink_to(target)
        return self

    def remove(self, path: str) -> Self:
        """Remove a file or folder."""
        self.git("rm", "-r", "--quiet", "--cached", "--ignore-unmatch", path)
        place = self.work / path
        if place.is_dir() and not place.is_symlink():
            shutil.rmtree(place)
        else:
            place.unlink(missing_ok=True)
        return self

    def commit(self, message: str = "Change something", *, amend: bool = False) -> str:
        """Commit everything, even nothing; returns the hash. Each commit is a second later."""
        self._second += 1
        date = f"{1_700_000_000 + self._second} +0200"
        self.git("add", "--all")
        extra = ["--amend"] if amend else []
        self.git(
            "commit",
            "--quiet",
            "--allow-empty",
            *extra,
            "-m",
            message,
            GIT_AUTHOR_DATE=date,
            GIT_COMMITTER_DATE=date,
        )
        return self.head()

    def head(self) -> str:
        """The commit that is checked out."""
        return self.git("rev-parse", "HEAD")

    def push(self, *refspecs: str, force: bool = False) -> Self:
        """Push refspecs, or all branches and tags."""
        options = ["--force"] if force else []
        if refspecs:
            self.git("push", "--quiet", *options, "origin", *refspecs)
        else:
            self.git("push", "--quiet", *options, "--all", "origin")
            self.git("push", "--quiet", *options, "--tags", "origin")
        return self

    def branch(self, name: str, at: str = "HEAD") -> Self:
        """Make a branch, or move it."""
        self.git("branch", "--force", name, at)
        return self

    def switch(self, name: str) -> Self:
        """Check out a branch, making it if needed."""
        self.git("checkout", "--quiet", "-B", name)
        return self

    def tag(self, name: str, at: str = "HEAD", *, message: str | None = None) -> Self:
        """Make a tag, or move it; annotated when there is a message."""
        annotation = ["-a", "-m", message] if message else []
        self.git("tag", "--force", *annotation, name, at)
        return self

    def delete(self, *names: str) -> Self:
        """Delete branches or tags on the remote."""
        self.git("push", "--quiet", "--delete", "origin", *names)
        return self

    def submodule(self, path: str, url: str, sha: str) -> Self:
        """Pin a commit at a path, and name its URL in .gitmodules; commit afterwards."""
        self.git("config", "-f", ".gitmodules", f"submodule.{path}.path", path)
        self.git("config", "-f", ".gitmodules", f"submodule.{path}.url", url)
        self.git("update-index", "--add", "--cacheinfo", f"160000,{sha},{path}")
        (self.work / path).mkdir(parents=True, exist_ok=True)
        return self

    def commit_index(self, message: str = "Pin submodules") -> str:
        """Commit what is staged, and .gitmodules; `add --all` would drop pins of empty folders."""
        if (self.work / ".gitmodules").exists():
            self.git("add", ".gitmodules")
        self.git("commit", "--quiet", "--allow-empty", "-m", message)
        return self.head()

    def raw_tree(self, entries: list[tuple[str, str, str]]) -> str:
        """Write a tree of (mode, sha, name) as it stands, however wicked; returns its hash."""
        content = b"".join(
            f"{mode} {name}".encode() + b"\0" + bytes.fromhex(sha) for mode, sha, name in entries
        )
        place = self.work / ".git" / "raw-tree"
        place.write_bytes(content)
        return self.git("hash-object", "-t", "tree", "--literally", "-w", str(place))

    def blob(self, content: str) -> str:
        """Write a blob; returns its hash."""
        return self.git("hash-object", "-w", "--stdin", text=content)

    def commit_tree(self, tree: str, message: str = "Commit a tree") -> str:
        """Commit a tree and move `main` to it; returns the commit's hash."""
        sha = self.git("commit-tree", tree, "-m", message)
        self.git("update-ref", "refs/heads/main", sha)
        return sha
