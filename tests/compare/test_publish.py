from collections.abc import Callable, Sequence
from pathlib import Path

from spoonful.compare.points import group_by_point
from spoonful.compare.publish import publish
from spoonful.compare.report import findings, write_report
from spoonful.compare.runs import Setting, SweepRuns
from spoonful.files.tables import read_csv

PLACE = "# Sizes\n<!-- sizes: written by the command -->\n<!-- end of sizes -->\n"
AXES: dict[str, Sequence[Setting]] = {
    "generator.batch_size": (16, 32, 64, 128, 256),
    "generator.shuffle": ("full", "none"),
}


def accuracy(batch_size: int, shuffle: str, seed: int) -> float:
    return 0.99 - batch_size / 1e4 - (0.3 if shuffle == "none" else 0) + seed / 1e3


def test_a_grid_is_published_as_tables_and_few_charts(
    tmp_path: Path, sweep_of: Callable[..., SweepRuns]
) -> None:
    found = findings(group_by_point(sweep_of(AXES, accuracy)), 0.05)
    comparison, experiment = tmp_path / "compare", tmp_path / "experiment"
    comparison.mkdir()
    experiment.mkdir()
    (experiment / "README.md").write_text(PLACE)
    write_report(comparison, found)
    publish(experiment, comparison, found)
    results = experiment / "results" / "sizes"
    drawn = {path.name for path in (comparison / "charts").iterdir()}
    kept = {path.name for path in results.glob("*.svg")}
    assert len(read_csv(results / "points.csv")) == 10
    # A loss curve for each of five batch sizes is too much for git; one for each shuffle is not.
    assert len([name for name in drawn if name.startswith("loss-epoch-1-")]) == 5
    assert drawn - kept == {
        f"{kind}-{number}.svg"
        for kind in ("loss-epoch-1", "val-loss-epoch-1")
        for number in range(5)
    }
    text = (experiment / "README.md").read_text()
    assert "| shuffle \\ batch_size | 16 | 32 | 64 | 128 | 256 |" in text
    assert "](results/sizes/heat-0.svg)" in text
    assert "](results/sizes/time-0.svg)" in text
    assert "loss-epoch" not in text
