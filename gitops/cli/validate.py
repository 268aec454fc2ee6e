"""`gitops validate PATH`: every fault in a file or folder of manifests, without a cluster."""

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click

from gitops.cli.fault_reports import to_junit, to_sarif
from gitops.cli.kustomization_files import check_kustomization
from gitops.cli.manifest_files import FileGroup, find_files
from gitops.cli.output import emit, visible
from gitops.cli.rendered_roots import render_roots
from gitops.cli.server_check import Subject, ask_server
from gitops.controlplane.progress import Printer
from gitops.core.manifests.parse import Parsed, decode, fault_order, parse_all
from gitops.core.validation.validate import CRD, validate
from gitops.errors import UsageError
from gitops.model.plan import Fault
from gitops.openapi.loader import load_builtin

_UNSURE: Final = frozenset({"missing-field", "selector-mismatch"})
"""What a kustomization may still mend."""


@click.command("validate")
@click.argument("path", type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Choice(["table", "json", "yaml", "sarif", "junit"]),
    default="table",
    show_default=True,
    help="How to print the faults; SARIF and JUnit are for continuous integration.",
)
@click.option(
    "--server",
    "server",
    is_flag=True,
    help="Also ask a throw-away API server, charts and kustomizations rendered.",
)
def validate_command(path: Path, output: str, *, server: bool) -> int:
    """Report every fault of the manifests in PATH (a file, a folder, or - for standard input).

    YAML is read as kubectl reads it and checked against Kubernetes 1.36, custom resources against
    the CRDs beside them. Exit code 1 where there is a fault.

    With --server a throw-away API server is asked too: definitions first, then by dry run all that
    has no fault yet, and what Helm and Kustomize make of the charts and overlays below PATH.
    """
    checked = check(path)
    faults = checked.faults
    if server:
        faults = tuple(sorted({*faults, *_ask(path, checked)}, key=fault_order))
    if output in ("sarif", "junit"):
        is_sarif = output == "sarif"
        click.echo(to_sarif(faults) if is_sarif else to_junit(faults, checked.files))
        return 1 if faults else 0
    value = [
        {
            "path": fault.place.path if fault.place else "",
            "line": fault.place.line if fault.place else 1,
            "column": fault.place.column if fault.place else 1,
            "code": fault.code,
            "message": fault.message,
        }
        for fault in faults
    ]
    emit(value, output, lambda: _lines(value))
    return 1 if faults else 0


@dataclass(frozen=True, slots=True)
class Checked:
    """What was read, and every fault of it, sorted by file and line."""

    groups: tuple[tuple[FileGroup, Parsed], ...]
    faults: tuple[Fault, ...]

    @property
    def files(self) -> tuple[str, ...]:
        """The files that were looked at."""
        return tuple(
            str(file) for group, _ in self.groups for file in (*group.kustomizations, *group.files)
        )


def check(path: Path) -> Checked:
    """Read and check everything below a path."""
    faults, groups = _read_all(path)
    crds = [
        manifest.body
        for _, parsed in groups
        for manifest in (*parsed.manifests, *parsed.flawed)
        if manifest.id.group_kind == CRD
    ]
    shapes = load_builtin()
    for group, parsed in groups:
        found = [
            *parsed.faults,
            *validate([*parsed.manifests, *parsed.flawed], shapes, parsed.locate, crds=crds),
        ]
        faults += [f for f in found if not (group.is_partial and f.code in _UNSURE)]
    return Checked(tuple(groups), tuple(sorted(dict.fromkeys(faults), key=fault_order)))


def _ask(path: Path, checked: Checked) -> list[Fault]:
    """What a server says of all that has no fault yet, and of what tools make of the rest."""
    faulty = {fault.id for fault in checked.faults if fault.id is not None}
    written = [parsed for _, parsed in checked.groups]
    subjects, faults = render_roots(path, written) if path.is_dir() else ([], [])
    for group, parsed in checked.groups:
        if not group.is_partial:
            subjects += [Subject(manifest, parsed.locate) for manifest in parsed.manifests]
    asked = [subject for subject in subjects if subject.manifest.id not in faulty]
    printer = Printer("building the control plane")
    try:
        told = ask_server(asked, load_builtin(), printer)
    finally:
        printer.finish()
    for kind in told.unknown:
        click.echo(visible(f"warning: not checked, since nothing defines it: {kind}"), err=True)
    return [*faults, *told.faults]


def _read_all(path: Path) -> tuple[list[Fault], list[tuple[FileGroup, Parsed]]]:
    """Files that cannot be read, and what each group of the others holds."""
    if str(path) == "-":
        text, fault = decode(sys.stdin.buffer.read(), "-")
        return ([fault] if fault else []), [(FileGroup((path,)), parse_all([("-", text)]))]
    if not path.exists():
        raise UsageError(f"there is no {str(path)!r}", remedy="name a file or folder that exists")
    faults: list[Fault] = []
    groups = []
    for group in find_files(path):
        texts, unreadable = _read(group.files)
        faults += unreadable
        faults += [fault for file in group.kustomizations for fault in check_kustomization(file)]
        groups.append((group, parse_all(texts, skip_foreign=path.is_dir())))
    return faults, groups


def _read(files: Iterable[Path]) -> tuple[list[tuple[str, str]], list[Fault]]:
    texts, faults = [], []
    for file in files:
        text, fault = decode(file.read_bytes(), str(file))
        if fault is None:
            texts.append((str(file), text))
        else:
            faults.append(fault)
    return texts, faults


def _lines(value: Sequence[dict[str, Any]]) -> str:
    """One line a fault, as compilers print them."""
    lines = []
    for row in value:
        place = click.style(f"{row['path']}:{row['line']}:{row['column']}", bold=True)
        code = click.style(f"[{row['code']}]", fg="red")
        lines.append(f"{place}: {row['message']} {code}")
    return "\n".join(lines)
