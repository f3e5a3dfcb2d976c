import base64
import csv
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from spoonful.evaluation.classification import Scores, judge, score
from spoonful.evaluation.judgement import Judgement, Table
from spoonful.evaluation.report import write_report, write_tables
from spoonful.figures import image_grid
from spoonful.record.files import METRICS_NAME, REPORT_NAME
from spoonful.sources.array import ArraySource

NAMES = ("<b>bold</b>", 'a "quoted", one', "ünï & $x")
PREDICTIONS = [["a/1.png", NAMES[0], NAMES[1], 0.5], ["b,2.png", NAMES[1], NAMES[1], 0.75]]


PROBABILITIES = np.array([[0.7, 0.2, 0.1], [0.2, 0.7, 0.1], [0.5, 0.4, 0.1]])


@pytest.fixture
def scores() -> Scores:
    return score(PROBABILITIES, np.array([0, 1, 2]), NAMES, top_k=2, num_bins=10)


@pytest.fixture
def judgement() -> Judgement:
    """Of three images, with names of files and figures that are as odd as any."""
    images = np.zeros((3, 4, 4, 1), np.uint8)
    source = ArraySource(images, [0, 1, 2], NAMES)
    judged = judge(source, PROBABILITIES, top_k=2, num_bins=10, num_mistakes=1)
    predictions = Table(judged.predictions.columns, PREDICTIONS)
    grid = image_grid(images[:1], [NAMES[0]], "mistakes")
    return replace(judged, predictions=predictions, figures={"Worst <mistakes>": grid})


def write_page(folder: Path, judgement: Judgement, title: str = "digits: 66 % right") -> str:
    folder.mkdir(exist_ok=True)
    write_report(folder, title, judgement, {"seed": "0", "<k>": "<v>"})
    return (folder / REPORT_NAME).read_text(encoding="utf-8")


def rows_of(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


class Page(HTMLParser):
    """The tags, the attributes and the text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.texts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def test_the_page_is_one_file_that_loads_nothing(tmp_path: Path, judgement: Judgement) -> None:
    text = write_page(tmp_path, judgement)
    page = Page(text)
    assert [path.name for path in tmp_path.iterdir()] == [REPORT_NAME]
    assert len(page.links) == 1
    assert page.links[0].startswith("data:image/png;base64,")
    assert not re.search(r"https?:|url\(|@import", text)
    assert not set(page.tags) & {"script", "link", "iframe"}
    image = base64.b64decode(page.links[0].partition(",")[2], validate=True)
    assert image.startswith(b"\x89PNG")
    assert b"Matplotlib" not in image


def test_the_page_shows_names_as_they_are(tmp_path: Path, judgement: Judgement) -> None:
    text = write_page(tmp_path, judgement, title="<i>title</i> $x")
    page = Page(text)
    for shown in (*NAMES, "<i>title</i> $x", "Worst <mistakes>", "<k>", "<v>"):
        assert shown in page.texts
    assert not set(page.tags) & {"b", "i", "mistakes", "k", "v"}


@pytest.mark.parametrize("title", ["BODY and TITLE", "$body ${title} $nothing"])
def test_no_title_is_taken_for_a_place_holder(
    tmp_path: Path, judgement: Judgement, title: str
) -> None:
    text = write_page(tmp_path, judgement, title)
    assert text.count("<h1>") == 1
    assert text.count(title) == 2  # heading and window


def test_the_page_shows_the_metrics_and_every_class(tmp_path: Path, judgement: Judgement) -> None:
    text = write_page(tmp_path, judgement)
    row = '<tr><th scope="row">{}</th><td>{}</td></tr>'
    assert row.format("accuracy", "0.6667") in text
    assert row.format("num_images", "3") in text
    cells = "<td>0.500</td><td>1.000</td><td>0.667</td><td>1</td>"
    assert f'<tr><th scope="row">&lt;b&gt;bold&lt;/b&gt;</th>{cells}</tr>' in text


def test_the_page_shows_the_table_of_any_task(tmp_path: Path, judgement: Judgement) -> None:
    table = Table(("value", "r2"), [("a<b", "0.97"), ("c", 1)])
    text = write_page(tmp_path, replace(judgement, heading="Values & more", summary=table))
    assert "<h2>Values &amp; more</h2>" in text
    assert '<tr><th scope="row">a&lt;b</th><td>0.97</td></tr>' in text
    assert '<tr><th scope="row">c</th><td>1</td></tr>' in text


def test_tables_hold_what_was_scored(tmp_path: Path, judgement: Judgement, scores: Scores) -> None:
    write_tables(tmp_path, judgement)
    assert json.loads((tmp_path / METRICS_NAME).read_text()) == scores.metrics
    header, *rows = rows_of(tmp_path / "classes.csv")
    assert header == ["class", "precision", "recall", "f1", "images"]
    assert [row[0] for row in rows] == list(NAMES)
    assert [float(row[3]) for row in rows] == [c.f1 for c in scores.classes]
    assert [int(row[4]) for row in rows] == [1, 1, 1]


def test_the_calibration_table_leaves_out_empty_bins(
    tmp_path: Path, judgement: Judgement, scores: Scores
) -> None:
    write_tables(tmp_path, judgement)
    header, *rows = rows_of(tmp_path / "calibration.csv")
    assert header == ["low", "high", "confidence", "accuracy", "images"]
    filled = [b for b in scores.calibration if b.num_images]
    assert 0 < len(filled) < len(scores.calibration)
    assert [[float(cell) for cell in row] for row in rows] == [
        [b.low, b.high, b.mean_confidence, b.accuracy, b.num_images] for b in filled
    ]


def test_the_table_of_predictions_keeps_odd_names(tmp_path: Path, judgement: Judgement) -> None:
    write_tables(tmp_path, judgement)
    header, *rows = rows_of(tmp_path / "predictions.csv")
    assert header == ["file", "actual", "predicted", "confidence"]
    assert [[*row[:3], float(row[3])] for row in rows] == PREDICTIONS
    assert b"\r" not in (tmp_path / "predictions.csv").read_bytes()


def test_the_same_scores_make_the_same_bytes(tmp_path: Path, judgement: Judgement) -> None:
    folders = [tmp_path / "first", tmp_path / "second"]
    for folder in folders:
        write_page(folder, judgement)
        write_tables(folder, judgement)
    first, second = ({p.name: p.read_bytes() for p in folder.iterdir()} for folder in folders)
    assert len(first) == 5
    assert first == second
