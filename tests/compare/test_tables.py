"""The tables hold what the runs recorded, all runs and nothing else."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import pytest

from spoonful.compare.points import group_by_point
from spoonful.compare.report import findings
from spoonful.compare.runs import Score, SweepRuns
from spoonful.compare.tables import points_text, write_tables


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def partly(grid: SweepRuns) -> SweepRuns:
    """One run has failed, and one was never begun."""
    runs = list(grid.runs[:-1])
    runs[3] = replace(runs[3], status="FAILED", scalars={}, metrics={})
    return replace(grid, runs=tuple(runs))


@pytest.fixture
def tables(partly: SweepRuns, tmp_path: Path) -> Path:
    found = findings(group_by_point(partly), 0.05)
    of_axes = [d for family in found.axes.values() for d in family]
    write_tables(tmp_path, found.study, [*found.points, *of_axes])
    return tmp_path


def test_every_run_is_a_row_with_its_values(tables: Path, partly: SweepRuns) -> None:
    rows = read(tables / "runs.csv")
    assert [row["run_id"] for row in rows] == [run.run_id for run in partly.runs]
    for row, run in zip(rows, partly.runs, strict=True):
        assert row["generator.batch_size"] == str(run.settings["generator.batch_size"])
        assert row["generator.shuffle"] == run.settings["generator.shuffle"]
        assert row["seed"] == str(run.settings["seed"])
        assert row["status"] == run.status
        if run.is_finished:
            assert row["counts"] == "yes"
            assert float(row["val_accuracy"]) == run.scalars["best_val_accuracy"]  # all its bits
            assert float(row["train_time_s"]) == run.metrics["train_time_s"][3]
            assert float(row["peak_rss_mb"]) == 640.0
        else:
            assert row["counts"] == "no"
            assert row["val_accuracy"] == row["images_per_s"] == ""


def test_every_point_is_a_row_the_best_first(tables: Path) -> None:
    rows = read(tables / "points.csv")
    assert len(rows) == 6
    assert rows[0]["point"] == "batch_size=16 shuffle=full"
    assert (rows[0]["generator.batch_size"], rows[0]["generator.shuffle"]) == ("16", "full")
    assert float(rows[0]["val_accuracy_mean"]) == pytest.approx((0.95 + 0.953 + 0.946) / 3)
    assert float(rows[0]["val_accuracy_sd"]) == pytest.approx(0.0035119, abs=1e-7)
    assert {row["point"]: row["num_seeds"] for row in rows}["batch_size=16 shuffle=none"] == "2"
    means = [float(row["val_accuracy_mean"]) for row in rows]
    assert means == sorted(means, reverse=True)


def test_every_pair_is_a_row(tables: Path) -> None:
    rows = read(tables / "differences.csv")
    assert [row["axis"] for row in rows].count("point") == 15
    assert [row["axis"] for row in rows].count("generator.batch_size") == 3
    (shuffle,) = (row for row in rows if row["axis"] == "generator.shuffle")
    assert (shuffle["a"], shuffle["b"], shuffle["num_pairs"]) == ("none", "full", "7")
    assert (shuffle["p_value"], shuffle["verdict"]) == ("", "constant")
    assert float(shuffle["mean_a_minus_b"]) == pytest.approx(-0.5)
    (first,) = (
        r for r in rows if (r["a"][11:], r["b"][11:]) == ("64 shuffle=full", "16 shuffle=full")
    )
    assert float(first["low"]) < float(first["mean_a_minus_b"]) < float(first["high"]) < 0
    assert float(first["p_value"]) <= float(first["p_holm"])


def test_the_best_point_is_a_metric_for_dvc(tables: Path) -> None:
    assert json.loads((tables / "metrics.json").read_text(encoding="utf-8")) == {
        "point": "batch_size=16 shuffle=full",
        "val_accuracy_mean": pytest.approx(0.9496667, abs=1e-7),
        "val_accuracy_sd": pytest.approx(0.0035119, abs=1e-7),
        "num_seeds": 3,
        "num_points": 6,
        "num_runs": 16,
        "num_missing": 2,
    }


def test_one_seed_leaves_the_deviation_out(grid: SweepRuns, tmp_path: Path) -> None:
    runs = tuple(run for run in grid.runs if run.settings["seed"] == 0)
    score = Score("val_loss", is_more_better=False)
    study = group_by_point(replace(grid, runs=runs, num_points=6, score=score))
    write_tables(tmp_path, study, [])
    assert json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8")) == {
        "point": "batch_size=16 shuffle=full",
        "val_loss_mean": pytest.approx(0.05),
        "num_seeds": 1,
        "num_points": 6,
        "num_runs": 6,
        "num_missing": 0,
    }
    assert {row["val_loss_sd"] for row in read(tmp_path / "points.csv")} == {""}


def test_a_terminal_shows_the_points_in_columns(partly: SweepRuns) -> None:
    lines = points_text(group_by_point(partly)).splitlines()
    assert lines[0].split()[:2] == ["point", "seeds"]
    assert lines[1].startswith("batch_size=16 shuffle=full ")
    assert "94.97 ± 0.35" in lines[1]
    assert len(lines) == 7
    place = lines[0].index("seeds") + len("seeds") - 1
    assert [line[place] for line in lines[1:]] == ["3", "3", "3", "2", "3", "2"]
