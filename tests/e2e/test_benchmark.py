"""The benchmark at N = 50, for its counts: times are for people, on a quiet machine."""

import json
from pathlib import Path

import pytest

from benchmarks.__main__ import machine, run
from benchmarks.parts import PARTS, THEIRS
from benchmarks.peers import PEERS
from benchmarks.report import Row, table, write
from benchmarks.workload import OBJECTS

APPLICATIONS = 50
ROUNDS = {"change-one": 3, "drift": 3}
REST_S = 6.0
PER_SYNC = 4
"""Transactions of one sync at most; those that wait for one another share one."""

pytestmark = pytest.mark.xdist_group("benchmark")


@pytest.fixture(scope="module")
def rows() -> dict[str, Row]:
    found = run([("plain", APPLICATIONS)], list(PARTS), ROUNDS, REST_S)
    return {row["part"]: row for row in found}


@pytest.mark.parametrize("part", ["install", "change-all"])
def test_a_push_costs_a_dry_run_and_a_write_an_object(rows: dict[str, Row], part: str) -> None:
    row, objects = rows[part], APPLICATIONS * OBJECTS
    assert (row["requests"]["dry-run"], row["requests"]["patch"]) == (objects, objects)
    assert row["renders"] == APPLICATIONS
    assert row["writes"] <= APPLICATIONS * PER_SYNC
    assert row["git"]["fetches"] == 1


@pytest.mark.parametrize(("part", "renders"), [("change-one", 3), ("drift", 0)])
def test_a_single_change_costs_one_dry_run_and_one_write(
    rows: dict[str, Row], part: str, renders: int
) -> None:
    row = rows[part]
    assert row["requests"] == {"dry-run": 3, "patch": 3}
    assert (row["times"], row["renders"]) == (3, renders)
    assert row["git"].get("fetches", 0) == renders


def test_a_restart_lists_each_kind_once(rows: dict[str, Row]) -> None:
    row = rows["restart"]
    assert {verb: row["requests"][verb] for verb in ("list", "watch")} == {"list": 4, "watch": 4}
    assert set(row["requests"]) <= {"list", "watch", "discovery"}
    assert (row["renders"], row["writes"]) == (0, 0)
    assert row["synced"] == APPLICATIONS


def test_nothing_costs_nothing(rows: dict[str, Row]) -> None:
    row = rows["nothing"]
    assert (row["requests"], row["renders"], row["writes"]) == ({}, 0, 0)
    assert row["git"].get("fetches", 0) == 0
    assert 1 <= row["git"]["conversations"] <= row["seconds"] + 2, "one a second at most"


def test_results_are_written_as_json_table_and_plots(rows: dict[str, Row], tmp_path: Path) -> None:
    made = write(list(rows.values()), machine(), tmp_path)
    value = json.loads((tmp_path / "results.json").read_text())
    assert [row["part"] for row in value["results"]] == list(PARTS)
    assert len(table(list(rows.values())).splitlines()) == len(PARTS) + 1
    plots = [path for path in made if path.suffix == ".svg"]
    assert {f"{part}-time.svg" for part in PARTS} <= {path.name for path in plots}
    assert all(path.read_text().startswith("<svg") for path in plots)


def test_a_peer_does_the_same_work_beside_the_same_floor() -> None:
    found = run([("plain", 3)], THEIRS, {"change-one": 2}, make=PEERS["kubectl"])
    assert [row["part"] for row in found] == list(THEIRS)
    for row in found[:2]:
        applied, noted = 3 * OBJECTS, 3
        assert row["requests"]["patch"] == applied + noted
        assert row["floor"]["total_s"] > 0
    assert found[2]["git"]["fetches"] == found[2]["times"] == 2
    assert all(row["cpu_s"] > 0 and row["plane_cpu_s"]["kube-apiserver"] > 0 for row in found)
