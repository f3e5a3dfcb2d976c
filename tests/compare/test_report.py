"""The report opens from disk: whole HTML, nothing from outside, every run linked."""

from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

from spoonful.compare.points import group_by_point
from spoonful.compare.report import findings, write_report
from spoonful.compare.runs import SweepRuns

MakeSweep = Callable[..., SweepRuns]
VOID = ("meta", "link", "br", "img", "wbr", "hr")
NASTY = "<script>alert(\"1\")</script> & 'x'"


class Page(HTMLParser):
    """What a page is made of; fails where an element is closed that is not open."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: dict[str, str] = {}
        self.references: list[str] = []
        self.ids: list[str] = []
        self.text = ""
        self.headings: list[str] = []
        self._open: list[str] = []
        self._href = ""
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        known = {name: value or "" for name, value in attrs}
        self.tags.append(tag)
        self.ids += [known["id"]] if "id" in known else []
        if tag == "a":
            self._href = known["href"]
        else:
            names = ("src", "href", "xlink:href", "action", "data", "srcset")
            self.references += [known[name] for name in names if name in known]
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] != "style":
            self.text += data
        if self._open and self._open[-1] == "a":
            self.links[self._href] = data
        if self._open and self._open[-1] in ("h1", "h2", "h3"):
            self.headings.append(data)


def report_of(sweep: SweepRuns, folder: Path) -> str:
    write_report(folder, findings(group_by_point(sweep), 0.05))
    return (folder / "report.html").read_text(encoding="utf-8")


def test_the_report_of_a_grid(grid: SweepRuns, tmp_path: Path) -> None:
    """One page, looked at from all sides, as it takes a second to draw."""
    runs = list(grid.runs[:-1])
    runs[3] = replace(runs[3], status="FAILED", scalars={})
    text = report_of(replace(grid, runs=tuple(runs)), tmp_path)
    page = Page(text)
    assert page.headings == [
        "Sweep sizes",
        "Without a result: 2",
        "Points",
        "val_accuracy",
        "Loss by batch_size",
        "Loss by shuffle",
        "Speed and memory",
        "Which differences exceed the seed noise",
        "batch_size",
        "shuffle",
        "Runs",
    ]
    # Nothing is loaded: the marks of the charts point into the page.
    assert not {"script", "link", "img", "iframe", "object"} & set(page.tags)
    assert page.references
    assert all(reference.startswith("#") for reference in page.references)
    assert len(page.ids) == len(set(page.ids))
    assert {reference[1:] for reference in page.references} <= set(page.ids)
    assert "@import" not in text
    assert text.count("url(") == text.count("url(#")
    # Every run is there, by its link and by its id.
    assert {run.url for run in runs} <= set(page.links)
    assert all(run.run_id in page.text for run in runs)
    assert set(page.links) == {run.url for run in runs} | {grid.url, grid.points_url}
    assert "while make ui runs" in page.text
    # What is missing, how it was made, and the figures.
    assert "batch_size=16 shuffle=none seed=0: FAILED" in page.text
    assert "batch_size=256 shuffle=none seed=2: never began" in page.text
    assert "spoonful sweep generator.batch_size=16,64" in page.text
    assert "16 of 18 trainings, in 6 points of 2 or 3 seeds" in page.text
    assert page.text.count("94.97 ± 0.35") >= 2  # table and words
    assert "Paired t-test" in page.text
    assert page.tags.count("svg") == len(list((tmp_path / "charts").glob("*.svg"))) == 15
    # Light and dark, wide and narrow.
    assert "prefers-color-scheme:dark" in text
    assert '<meta name="viewport" content="width=device-width, initial-scale=1">' in text
    assert "position:sticky" in text
    assert page.tags.count("table") == 5
    assert not {"nan", "inf", "None"} & set(page.text.split())


def test_text_of_the_user_stays_text(sweep_of: MakeSweep, tmp_path: Path) -> None:
    axes = {"model": (NASTY, "b<c"), "x.$key_<i>": ("$a$", NASTY)}
    sweep = sweep_of(
        axes,
        lambda *values: 0.9 + 0.01 * values[-1],
        (0,),
        name=NASTY,
        description=NASTY,
        status=NASTY,
    )
    first = replace(sweep.runs[0], name=NASTY, status="FAILED", url=f'http://x/"{NASTY}')
    page = Page(report_of(replace(sweep, runs=(first, *sweep.runs[1:])), tmp_path))
    assert not {"script", "c", "i", "x"} & set(page.tags)
    assert page.headings[0] == f"Sweep {NASTY}"
    assert page.links[first.url] == NASTY
    assert f"model={NASTY}" in page.text
    for chart in (tmp_path / "charts").glob("*.svg"):
        assert "<script" not in chart.read_text(encoding="utf-8")


def test_a_server_needs_no_ui_of_ones_own(sweep_of: MakeSweep, tmp_path: Path) -> None:
    sweep = sweep_of({}, lambda seed: 0.9, is_served=True, description="")
    page = Page(report_of(sweep, tmp_path))
    assert "make ui" not in page.text
    assert "made by" not in page.text
    assert "Which differences exceed the seed noise" not in page.headings
    assert "in 1 point of 3 seeds" in page.text


def test_points_that_are_not_known_are_counted(sweep_of: MakeSweep, tmp_path: Path) -> None:
    page = Page(report_of(sweep_of({}, lambda seed: 0.9, (0,), num_points=5), tmp_path))
    assert "Without a result: 4" in page.headings
    assert "4 more that never began" in page.text


def test_points_that_were_chosen_twice_are_counted(sweep_of: MakeSweep, tmp_path: Path) -> None:
    sweep = sweep_of({}, lambda seed: 0.9, (0,), num_points=2)
    again = replace(sweep.runs[0], run_id="cd" * 16, started=2)
    page = Page(report_of(replace(sweep, runs=(*sweep.runs, again)), tmp_path))
    assert "1 of 2 trainings (1 was done again: the newest counts), in 1 point" in page.text
    assert not [heading for heading in page.headings if "Without a result" in heading]


def test_the_same_runs_make_the_same_bytes(sweep_of: MakeSweep, tmp_path: Path) -> None:
    sweep = sweep_of({}, lambda seed: 0.9)
    texts = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        report_of(sweep, tmp_path / name)
        files = sorted(path for path in (tmp_path / name).rglob("*") if path.is_file())
        texts.append({str(p.relative_to(tmp_path / name)): p.read_bytes() for p in files})
    assert texts[0] == texts[1]
    assert {"report.html", "runs.csv", "points.csv", "differences.csv", "metrics.json"} < set(
        texts[0]
    )


def test_fewer_seeds_of_one_quantity_are_said(sweep_of: MakeSweep, tmp_path: Path) -> None:
    sweep = sweep_of({}, lambda seed: 0.9)
    runs = (replace(sweep.runs[0], metrics={}), *sweep.runs[1:])
    assert "(2 of 3)" in Page(report_of(replace(sweep, runs=runs), tmp_path)).text
