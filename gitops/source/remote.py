"""The two commands that talk to a server: `ls-remote` and `fetch`.

A URL and an open `Access` come in, references or a result go out; `mirror` calls it. Nothing of a
credential is in an argument.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from gitops.core.git.references import HEADS, TAGS
from gitops.source.credentials import Access
from gitops.source.faults import explain, timed_out, too_much
from gitops.source.options import GitOptions
from gitops.source.process import (
    Bounds,
    GitRunner,
    OutputLimitError,
    ProcessTimeoutError,
    Result,
    environment,
)


class Remote:
    """Where the mirror at `git_dir` is filled from."""

    def __init__(self, git_dir: Path, runner: GitRunner, options: GitOptions) -> None:
        self._git_dir = git_dir
        self._runner = runner
        self._options = options

    def references(self, url: str, access: Access) -> dict[str, str]:
        """Branches, tags with `^{}` for what they lead to, and HEAD; raises SourceError."""
        bounds = Bounds(self._options.poll_timeout_s, self._options.max_output_bytes)
        try:
            result = self._runner.run(["ls-remote", "--", url], self._variables(access), bounds)
        except ProcessTimeoutError:
            raise timed_out(url, bounds.timeout_s, "asking for references") from None
        except OutputLimitError:
            raise too_much(url, "the list of references") from None
        if result.status:
            raise explain(result.stderr, url, access.secrets)
        found = {}
        for line in result.stdout.decode(errors="surrogateescape").splitlines():
            sha, _, name = line.partition("\t")
            if name == "HEAD" or name.startswith((HEADS, TAGS)):
                found[name] = sha
        return found

    def fetch(
        self, url: str, specs: Sequence[str], access: Access, hold: int | None, *, atomic: bool
    ) -> Result:
        """Fetch and prune; a failure of git is a result, raises SourceError `timeout` only.

        `hold` is the mirror's lock, which git keeps as long as it runs.
        """
        arguments = ["fetch", "--quiet", "--no-tags", "--prune", "--no-write-fetch-head"]
        arguments += ["--no-auto-maintenance", "--no-recurse-submodules", "--update-shallow"]
        if self._options.depth:
            arguments.append(f"--depth={self._options.depth}")
        if atomic:
            arguments.append("--atomic")
        variables = {**self._variables(access), "GIT_DIR": str(self._git_dir)}
        bounds = Bounds(self._options.fetch_timeout_s, self._options.max_output_bytes)
        try:
            return self._runner.run([*arguments, "--", url, *specs], variables, bounds, hold=hold)
        except ProcessTimeoutError:
            raise timed_out(url, bounds.timeout_s, "the fetch") from None

    def _variables(self, access: Access) -> Mapping[str, str]:
        return {**environment(access.config, self._runner.home), **access.variables}
