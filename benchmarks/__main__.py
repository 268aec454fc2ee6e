"""`python -m benchmarks`: sizes, variants and parts by flags; tables, JSON and plots."""

import os
import platform
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import click

from benchmarks.ours import Ours
from benchmarks.parts import FLOOR, NAMESPACE, PARTS, ROUNDS, THEIRS, Bench, python
from benchmarks.peers import PEERS
from benchmarks.plane import Plane
from benchmarks.progress import Bar
from benchmarks.reconcilers import Reconciler, Setting
from benchmarks.report import Row, table, write
from benchmarks.repository import Repository, serve
from benchmarks.workload import VARIANTS, Version

USUAL: Final = (("plain", 100), ("plain", 1000), ("kustomize", 100), ("helm", 100))
FULL: Final = (
    *(("plain", count) for count in (100, 500, 1000, 5000)),
    *((variant, count) for variant in ("kustomize", "helm") for count in (100, 500, 1000)),
)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "-n", "--size", "sizes", type=int, multiple=True, help="Applications; again for more."
)
@click.option("--variant", "variants", type=click.Choice(VARIANTS), multiple=True)
@click.option("--part", "parts", type=click.Choice(list(PARTS)), multiple=True)
@click.option("--full", is_flag=True, help="Every size and variant, 5000 included.")
@click.option("--rounds", type=int, help="Times that single changes are repeated.")
@click.option("--rest", "rest_s", default=60.0, show_default=True, help="Seconds of doing nothing.")
@click.option("--peer", type=click.Choice(list(PEERS)), help="Measure another reconciler.")
@click.option("--output", type=click.Path(path_type=Path), help="Folder for JSON and plots.")
def main(  # noqa: PLR0913 - one for each flag
    sizes: Sequence[int], variants: Sequence[str], parts: Sequence[str], *, full: bool,
    rounds: int | None, rest_s: float, peer: str | None, output: Path | None,
) -> None:  # fmt: skip
    """Measure what the service costs, beside the least that any client could pay."""
    worlds = FULL if full else USUAL
    if sizes or variants:
        worlds = tuple((v, n) for v in variants or ("plain",) for n in sizes or (100,))
    times = {name: rounds or usual for name, usual in ROUNDS.items()}
    make: Callable[[], Reconciler] = Ours if peer is None else PEERS[peer]
    rows = run(worlds, parts or list(PARTS if peer is None else THEIRS), times, rest_s, make)
    click.echo(table(rows))
    if output is not None:
        for path in write(rows, machine(), output):
            click.echo(f"wrote {path}", err=True)


def run(
    worlds: Iterable[tuple[str, int]],
    parts: Sequence[str],
    rounds: dict[str, int],
    rest_s: float = 60.0,
    make: Callable[[], Reconciler] = Ours,
) -> list[Row]:
    """Measure parts of a reconciler in worlds; a fresh control plane for each."""
    worlds = list(worlds)
    wanted = [part for part in PARTS if part in parts or part == "install"]
    bar = Bar(len(worlds) * len(wanted))
    rows: list[Row] = []
    for variant, count in worlds:
        with tempfile.TemporaryDirectory(prefix="gitops-bench-") as folder:
            rows += measure((variant, count, make), wanted, (rounds, rest_s), Path(folder), bar)
    bar.clear()
    return rows


def measure(
    world: tuple[str, int, Callable[[], Reconciler]],
    parts: Sequence[str],
    times: tuple[dict[str, int], float],
    folder: Path,
    bar: Bar,
) -> list[Row]:
    """One size of one variant, on a control plane of its own."""
    variant, count, make = world
    bar.begin(f"{variant} {count}: starting")
    repository = Repository(folder, count, variant)
    repository.push(Version())
    rows: list[Row] = []
    with Plane.start(folder / "plane") as plane, serve(folder) as (origin, asked):
        for name in (NAMESPACE, FLOOR):
            plane.namespace(name)
        url = f"{origin}/{repository.bare.name}"
        reconciler = make()
        bench = Bench(
            plane, repository, reconciler, url, folder, count, variant, times[0], times[1], bar,
            asked,
        )  # fmt: skip
        reconciler.prepare(Setting(plane, folder, url, NAMESPACE, count, variant))
        try:
            for part in parts:
                bar.begin(f"{part}, {variant}, N = {count}")
                rows.append(
                    {"part": part, "variant": variant, "count": count, **PARTS[part](bench)}
                )
                bar.end()
        finally:
            reconciler.close()
    return rows


def machine() -> dict[str, Any]:
    """What the numbers were taken on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "cores": os.cpu_count(),
        "memory_gib": round(memory / 2**30, 1),
        "system": platform.platform(),
        "python": python(),
    }


if __name__ == "__main__":
    main()
