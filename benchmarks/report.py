"""Results as JSON, as a table and as plots of cost against N.

In: one row a measurement (`part`, `variant`, `count`, and what `parts` found). Out: text and files.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.plot import Series, plot

Row = Mapping[str, Any]
HEADER: Final = (
    "part", "variant", "N", "took", "floor", "ratio", "cpu", "requests", "renders", "writes",
    "git", "peak",
)  # fmt: skip
CEILINGS: Final[Mapping[str, float]] = {
    "install": 1.5, "change-all": 1.5, "change-one": 2, "drift": 3, "restart": 3,
}  # fmt: skip
"""The largest ratio to the floor that we mean to reach."""


def table(rows: Sequence[Row]) -> str:
    """For people."""
    lines = [HEADER, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADER))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def _cells(row: Row) -> tuple[str, ...]:
    took = row.get("p50_s", row["seconds"])
    least = row.get("floor") or {}
    floor_s = next((least[k] for k in ("total_s", "p50_s", "seconds") if k in least), None)
    ratio = row.get("ratio")
    limit = CEILINGS.get(row["part"])
    mark = "" if ratio is None or limit is None or ratio <= limit else f" > {limit:g}"
    return (
        row["part"],
        row["variant"],
        str(row["count"]),
        _seconds(took),
        "" if floor_s is None else _seconds(floor_s) + _tools(least),
        "" if ratio is None else f"{ratio:.2f}{mark}",
        f"{row['cpu_s']:.2f} s",
        " ".join(f"{n} {verb}" for verb, n in row["requests"].items()) or "none",
        str(row.get("renders", "")),
        str(row.get("writes", "")),
        " ".join(f"{n} {what}" for what, n in row["git"].items() if n) or "none",
        f"{row.get('rss_mib', row['peak_mib']):.0f} MiB",
    )


def _tools(least: Mapping[str, float]) -> str:
    """What of a floor the tools took."""
    return f" (tools {_seconds(least['tools_s'])})" if "tools_s" in least else ""


def _seconds(value: float) -> str:
    return f"{1000 * value:.0f} ms" if value < 1 else f"{value:.1f} s"


def write(rows: Sequence[Row], facts: Mapping[str, Any], folder: Path) -> list[Path]:
    """`results.json`, `results.txt` and one plot a part; the files."""
    folder.mkdir(parents=True, exist_ok=True)
    made = [folder / "results.json", folder / "results.txt"]
    made[0].write_text(json.dumps({"machine": facts, "results": list(rows)}, indent=2) + "\n")
    made[1].write_text(table(rows) + "\n")
    for part in dict.fromkeys(row["part"] for row in rows):
        chosen = [row for row in rows if row["part"] == part]
        made += _plots(part, chosen, folder)
    return made


def _plots(part: str, rows: Sequence[Row], folder: Path) -> list[Path]:
    """Time beside the floor against N, and processor time beside memory."""
    made = []
    series = []
    for variant in dict.fromkeys(row["variant"] for row in rows):
        mine = sorted((r for r in rows if r["variant"] == variant), key=lambda r: r["count"])
        series.append(Series(variant, [(r["count"], r.get("p50_s", r["seconds"])) for r in mine]))
        least = [
            (r["count"], next(f[k] for k in ("total_s", "p50_s", "seconds") if k in f))
            for r in mine
            if (f := r.get("floor"))
        ]
        if least:
            series.append(Series(f"{variant}, floor", least, dashed=True))
    for title, unit, lines in (
        (f"{part}: time", "s", series),
        (f"{part}: memory", "MiB", [_memory(rows)]),
    ):
        path = folder / f"{title.replace(': ', '-')}.svg"
        path.write_text(plot(title, "applications", unit, lines))
        made.append(path)
    return made


def _memory(rows: Sequence[Row]) -> Series:
    points = [
        (r["count"], r.get("rss_mib", r["peak_mib"])) for r in rows if r["variant"] == "plain"
    ]
    return Series("plain", sorted(points))
