"""Console blocks of the documentation: commands, and what they print, compared with what they do.

A ```` ```console ```` block holds lines `$ command`, each followed by its output. A line `...` in
the output stands for any lines. What differs from run to run (hashes, times, ports, the ends of
pods' names, host names, how far columns are apart) is not compared.
"""

import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.helpers.controlplane import eventually
from tests.helpers.waiting import WAIT_S

ASKING = re.compile(
    r"gitops (list|status|history|show|events|audit|diff|version|plan|wait)\b|kubectl get\b"
)
"""Commands that change nothing: they are asked again until they print what is shown."""
KEPT = re.compile(r"^(cd|export) ")
"""What a person's shell would remember."""
ELLIPSIS = "..."

POD = "[bcdfghjklmnpqrstvwxz2456789]"
VOLATILE = (
    (re.compile(r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b"), "<id>"),
    (re.compile(r"v1:[0-9a-f]{64}"), "<digest>"),
    (re.compile(r"\b(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{7,64}\b"), "<hash>"),
    (re.compile(r"\b\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\.\d+)?Z?"), "<time>"),
    (re.compile(r"\b\d\d:\d\d:\d\d\b"), "<time>"),
    (re.compile(r"\b\d+\.\d s\b"), "<seconds>"),
    (re.compile(r"(?<=127\.0\.0\.1:)\d+"), "<port>"),
    (re.compile(r"@(?!example)[\w.-]+"), "@<host>"),
    (re.compile(r"\b\d{8,9}\b"), "<hash>"),
    (re.compile(rf"(?<=-)(?:{POD}{{8,10}}-)?{POD}{{5}}\b"), "<pod>"),
    (re.compile(r"\b(?:\d+[hms]){1,2}\b"), "<age>"),
    (re.compile(r"\b\d+ records\b"), "<n> records"),
    (re.compile(r"\bhead \d+:"), "head <n>:"),
    (re.compile(r"file:///\S*/\.gitops-demo"), "file://<demo>"),
    (re.compile(r"[ \t]+"), " "),
    (re.compile(r"^\d+ (?=<time>)", re.MULTILINE), "<n> "),
    (re.compile(r"(?<=heal succeeded )(?:Healthy|Progressing)"), "<health>"),
)  # fmt: skip


@dataclass(frozen=True)
class Step:
    """One command of a document with the output that is shown; `line` counts from 1."""

    command: str
    output: tuple[str, ...]
    line: int


def steps(document: Path) -> list[Step]:
    """Every command of a document's console blocks, in order."""
    found: list[Step] = []
    inside = False
    for number, line in enumerate(document.read_text().splitlines(), 1):
        if line.startswith("```"):
            inside = line == "```console"
        elif inside and line.startswith("$ "):
            found.append(Step(line[2:], (), number))
        elif inside and found:
            last = found[-1]
            found[-1] = Step(last.command, (*last.output, line), last.line)
    return found


def comparable(lines: Sequence[str]) -> list[str]:
    """Lines without what differs from run to run, and without empty ones."""
    text = "\n".join(lines)
    for pattern, word in VOLATILE:
        text = pattern.sub(word, text)
    return [line.strip() for line in text.splitlines() if line.strip()]


def agrees(shown: Sequence[str], printed: Sequence[str]) -> bool:
    """Whether what was printed is what is shown."""
    if not shown:
        return not printed
    head, *rest = shown
    if head == ELLIPSIS:
        return any(agrees(rest, printed[n:]) for n in range(len(printed) + 1))
    return bool(printed) and printed[0] == head and agrees(rest, printed[1:])


@dataclass
class Shell:
    """A person's shell: it remembers `cd` and `export`."""

    folder: Path
    environment: dict[str, str]
    kept: list[str] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    """What stands in the output for what is shown: a path of the test for a repository's URL."""

    def run(self, command: str) -> list[str]:
        """Run one command as bash does; returns the lines that it printed on both outputs."""
        script = "\n".join(["set -e", *self.kept, "set +e", command])
        done = subprocess.run(
            ["/bin/bash", "-c", script],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            check=False,
        )
        if KEPT.match(command):
            self.kept.append(command)
        printed = done.stdout
        for name, shown in self.names.items():
            printed = printed.replace(name, shown)
        return printed.splitlines()

    def follow(self, step: Step) -> None:
        """Run a step; an AssertionError where it prints something else than is shown."""
        shown = comparable(step.output)
        printed: list[str] = []

        def is_shown() -> bool:
            printed[:] = comparable(self.run(step.command))
            return agrees(shown, printed)

        try:
            eventually(is_shown, step.command, WAIT_S if ASKING.match(step.command) else 0)
        except AssertionError:
            place = "\n".join([f"line {step.line}: $ {step.command}", *printed])
            assert printed == shown, place  # shows the difference
            raise
