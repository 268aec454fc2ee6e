"""What people read while the demo starts, and then: text only."""

import shlex
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, TextIO

import click

from gitops.cli.output import coloured, columns, visible
from gitops.demo.layout import Facts
from gitops.demo.service import Standing

GUIDE: Final = """\

Look at it, in another shell:

{exports}
  gitops list
  kubectl get pods --all-namespaces

Try something. What is pushed is what runs:

  cd {work}

  1. Scale by a commit.
     sed -i 's/replicas: [0-9]*/replicas: 3/' kubia/replicationcontroller.yaml
     git commit -qam 'Scale kubia to 3' && git push -q
     gitops history kubia && kubectl get pods -l app=kubia

  2. Deploy an image that cannot be pulled. What ran before comes back by itself in half a minute.
     sed -i 's/newTag: .*/newTag: v3-pull-error/' kubernetes-bootcamp/overlays/production/kustomization.yaml
     git commit -qam 'Deploy v3' && git push -q
     gitops events kubernetes-bootcamp --follow

  3. Change the cluster by hand. It is healed at once; then go back in history, and stay there.
     kubectl scale replicationcontroller kubia --replicas=5
     gitops rollback kubia 1 && gitops status kubia && gitops unpin kubia

{ending}

ready {url}"""  # noqa: E501 - commands to copy stay on one line


def guide(
    facts: Facts, found: Sequence[Standing], search_path: Sequence[str], *, detached: bool
) -> str:
    """Where to look and what to try; the last line is `ready <url>`."""
    place = Path(facts.kubeconfig).parent
    directory = shlex.quote(str(place))
    exports = [
        f"export KUBECONFIG={shlex.quote(facts.kubeconfig)}",
        f"export GITOPS_SERVER={facts.url}",
    ]
    if search_path:
        folders = ":".join(search_path)
        exports.append(f'export PATH="$PATH":{shlex.quote(folders)}')
    ending = (
        f"Stop it with `gitops demo stop --directory {directory}`; --purge removes it too."
        if detached
        else "Ctrl-C stops everything; the next start goes on from here."
    )
    text = GUIDE.format(
        exports="\n".join(f"  {line}" for line in exports),
        work=shlex.quote(facts.work),
        ending=ending,
        url=facts.url,
    )
    return troubles(found) + text


def troubles(found: Sequence[Standing]) -> str:
    """A line for each application that is not well; "" where all are."""
    lines = [f"{each.name} is {state(each)}: {each.message}" for each in found if not each.is_good]
    return "".join(f"{click.style('note:', fg='yellow')} {line}\n" for line in lines)


def state(standing: Standing) -> str:
    """`OutOfSync and Healthy`."""
    return f"{standing.sync} and {standing.health}"


def farewell(directory: Path, *, ran: bool, purged: bool) -> str:
    """What `stop` says."""
    done = "stopped" if ran else "nothing runs"
    return f"{done} in {directory}{', and the directory is removed' if purged else ''}"


class Board:
    """Applications ticking off: a table redrawn on a terminal, a line for each one elsewhere."""

    def __init__(self, stream: TextIO, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._terminal = stream.isatty()
        self._monotonic = monotonic
        self._began = monotonic()
        self._good: set[str] = set()
        self._last: list[Standing] = []
        self._drawn = 0

    def show(self, found: list[Standing]) -> None:
        """Show where a start is."""
        if not found or found == self._last:
            return
        self._last = found
        if self._terminal:
            self._draw(found)
        else:
            self._tick(found)

    def finish(self) -> None:
        """Say how long it took."""
        good = sum(each.is_good for each in self._last)
        took = self._monotonic() - self._began
        self._write(
            f"{good} of {len(self._last)} applications are synced and healthy after {took:.1f} s\n"
        )

    def _tick(self, found: list[Standing]) -> None:
        for each in found:
            if each.is_good and each.name not in self._good:
                self._good.add(each.name)
                self._write(f"{each.name} is {state(each)} ({len(self._good)} of {len(found)})\n")

    def _draw(self, found: list[Standing]) -> None:
        rows = [
            (
                click.style("✓", fg="green") if each.is_good else "…",
                each.name,
                coloured(each.sync),
                coloured(each.health),
                "" if each.is_good else visible(" ".join(each.message.split()))[:60],
            )
            for each in found
        ]
        lines = columns(("", "application", "sync", "health", ""), rows).split("\n")
        up = f"\x1b[{self._drawn}A" if self._drawn else ""
        self._write(up + "".join(f"\x1b[2K{line}\n" for line in lines) + "\x1b[J")
        self._drawn = len(lines)

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()
