"""The demo's Git: a bare repository, a clone to work in, and the hook that tells of a push.

In: the example systems and a directory. Out: `remote.git` and `work/`, made where they are missing
and otherwise left as people have them. `run.py` calls it.
"""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import gitops
from gitops.demo import hook
from gitops.demo.layout import Layout
from gitops.errors import NotFoundError, SourceError

PLACEHOLDER: Final = "https://git.example.com/examples.git"
"""What the example Applications name, for people to replace by their own repository."""

HOOK: Final = """\
#!/bin/sh
# Tells the service of a push, in the background: a push never waits for it and never fails by it.
lines=$(cat)
python={python}
[ -x "$python" ] || python=python3
(printf '%s\\n' "$lines" | "$python" {script} {facts} >{log} 2>&1) </dev/null >/dev/null 2>&1 &
exit 0
"""


def examples() -> Path:
    """The example systems: the checkout's, else those that were installed with the package."""
    package = Path(gitops.__file__).parent
    for folder in (package.parent / "examples-repo", package / "examples"):
        if (folder / "applications").is_dir():
            return folder
    raise NotFoundError(
        "the example systems are missing",
        where=str(package),
        remedy="install gitops again, or run it in a checkout",
    )


def url(layout: Layout) -> str:
    """The remote as the Applications name it."""
    return layout.remote.as_uri()


def prepare(layout: Layout, *, webhook: bool) -> None:
    """Make what is missing; raises SourceError, NotFoundError."""
    if shutil.which("git") is None:
        raise SourceError("git is missing", remedy="install git, then start the demo again")
    if not (layout.remote / "HEAD").exists():
        _make_remote(layout)
    if not (layout.work / ".git").exists():
        _clone(layout)
    write_hook(layout, webhook=webhook)


def _make_remote(layout: Layout) -> None:
    """A bare repository with one commit, whole or not at all."""
    partial = layout.remote.with_name("remote.git.partial")
    draft = layout.root / "work.partial"
    for folder in (partial, draft):
        shutil.rmtree(folder, ignore_errors=True)
    git("init", "--quiet", "--bare", "-b", "main", str(partial), cwd=layout.root)
    git("config", "core.hooksPath", str(layout.remote / "hooks"), cwd=partial)
    shutil.copytree(examples(), draft)
    for path in sorted(draft.rglob("*.yaml")):
        text = path.read_text()
        if PLACEHOLDER in text:
            path.write_text(text.replace(PLACEHOLDER, url(layout)))
    git("init", "--quiet", "-b", "main", cwd=draft)
    _name_author(draft)
    git("add", "--all", cwd=draft)
    git("commit", "--quiet", "-m", "Add the example systems", cwd=draft)
    git("push", "--quiet", partial.as_uri(), "main", cwd=draft)
    partial.rename(layout.remote)
    shutil.rmtree(draft)


def _clone(layout: Layout) -> None:
    shutil.rmtree(layout.work, ignore_errors=True)
    git("clone", "--quiet", url(layout), str(layout.work), cwd=layout.root)
    _name_author(layout.work)


def _name_author(folder: Path) -> None:
    """An author for commits here, in this repository's own configuration only."""
    git("config", "user.name", "Demo", cwd=folder)
    git("config", "user.email", "demo@example.com", cwd=folder)
    git("config", "commit.gpgSign", "false", cwd=folder)


def write_hook(layout: Layout, *, webhook: bool) -> None:
    """Write the post-receive hook, or remove it."""
    path = layout.remote / "hooks" / "post-receive"
    if not webhook:
        path.unlink(missing_ok=True)
        return
    path.parent.mkdir(exist_ok=True)
    script = path.with_name("notify.py")
    script.write_text(Path(hook.__file__).read_text())
    places = {
        "python": sys.executable,
        "script": script,
        "facts": layout.facts,
        "log": layout.root / "hook.log",
    }
    path.write_text(HOOK.format(**{name: shlex.quote(str(at)) for name, at in places.items()}))
    path.chmod(0o755)


def git(*arguments: str, cwd: Path) -> str:
    """Run git without the user's own configuration; returns what it printed."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    own = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0"}
    answer = subprocess.run(
        ["git", *arguments],
        cwd=cwd,
        env=kept | own,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if answer.returncode != 0:
        lines = answer.stderr.strip().splitlines() or ["it gave no reason"]
        raise SourceError(f"git {arguments[0]} failed: {lines[-1]}", where=str(cwd))
    return answer.stdout
