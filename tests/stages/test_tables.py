"""Tables of images from fetch to evaluate, for each kind of labels and each format."""

import csv
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.metrics import f1_score, mean_absolute_error

from tests.datasets.hf_files import rows_of, save_dict
from tests.processes import run_spoonful

pytestmark = pytest.mark.slow

NAMES = ["=cmd()", "../x", "a/b", "\r\n<b>", "ö", "five", "6", "7", "8", "9"]
SIZE = ("dataset.image_size=[8,8]", "dataset.num_channels=1", "dataset.copies=ignore")


def digits() -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    data: Any = load_digits()
    pixels = np.rint(data.images * (255 / 16)).astype(np.uint8)
    return pixels, np.asarray(data.target, dtype=np.int64)


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The digits as PNG files, and a table with labels of every kind."""
    folder = tmp_path_factory.mktemp("digits")
    rows: list[list[Any]] = []
    for number, (image, digit) in enumerate(zip(*digits(), strict=True)):
        path = f"{'a b/' if number % 2 else ''}{number}.png"
        (folder / path).parent.mkdir(exist_ok=True)
        cv2.imwrite(str(folder / path), image)
        given = ("Training", "DEV", "test")[max(0, number % 10 - 7)]
        ink = float(image.mean())
        rows.append([path, NAMES[digit], int(digit % 2 == 0), int(digit > 4), ink, given])
    with (folder / "table.csv").open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerows([["path", "label", "even", "large", "ink", "set"], *rows])
    return folder / "table.csv"


def run(project: Path, *arguments: str) -> str:
    done = run_spoonful(project, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def trained(project: Path, data: list[str], task: str, epochs: int) -> dict[str, float]:
    """Run the whole pipeline; return the metrics of the test images."""
    for stage in ("fetch", "split", "pack"):
        run(project, stage, *data)
    run(project, "train", *data, f"task={task}", "model=mlp", f"trainer.epochs={epochs}")
    run(project, "evaluate")
    metrics: dict[str, float] = json.loads((project / "models/evaluate/metrics.json").read_text())
    return metrics


def rows_of_csv(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_classes_of_any_name_in_given_splits(project: Path, table: Path) -> None:
    data = ["dataset=manifest", f"dataset.path={table}", *SIZE, "dataset.split_column=set"]
    metrics = trained(project, data, "classification", 8)
    assert metrics["accuracy"] > 0.85
    summary = json.loads((project / "data/split.json").read_text())
    assert summary["label_kind"] == "classification"
    assert summary["class_names"] == sorted(NAMES)
    given = [row["set"] for row in rows_of_given(table)]
    assert summary["num_images"] == {
        "train": given.count("Training"),
        "val": given.count("DEV"),
        "test": given.count("test"),
    }
    labels = {row["path"]: row["label"] for row in rows_of_given(table)}
    judged = rows_of_csv(project / "models/evaluate/predictions.csv")
    assert len(judged) == given.count("test")
    for row in judged:
        assert row["actual"] == labels[row["file"].removeprefix("images/").replace("__", "/")]
    packed = (project / "models/train/history.csv").read_text()
    run(project, "train", *data, "model=mlp", "trainer.epochs=8", "source=folder")
    assert (project / "models/train/history.csv").read_text() == packed
    page = (project / "models/evaluate/report.html").read_text()
    assert "&lt;b&gt;" in page
    assert "\n<b>" not in page


def rows_of_given(table: Path) -> list[dict[str, str]]:
    with table.open(newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file, delimiter=";"))


def test_several_labels(project: Path, table: Path) -> None:
    data = [
        "dataset=manifest",
        f"dataset.path={table}",
        *SIZE,
        "dataset.label_columns=[even,large]",
    ]
    metrics = trained(project, data, "multilabel", 8)
    assert metrics["macro_f1"] > 0.85
    judged = rows_of_csv(project / "models/evaluate/predictions.csv")
    for name in ("even", "large"):
        actual, predicted = (
            [name in row[column].split() for row in judged] for column in ("actual", "predicted")
        )
        score = next(
            float(row["f1"])
            for row in rows_of_csv(project / "models/evaluate/classes.csv")
            if row["class"] == name
        )
        assert score == pytest.approx(f1_score(actual, predicted))
    wrong = run_spoonful(project, "train", *data, "model=mlp")
    assert wrong.returncode == 2
    assert "use task=multilabel" in wrong.stderr
    other = run_spoonful(project, "train", *data[:-1], "model=mlp")
    assert other.returncode == 2
    assert "label_columns (config ['label'], split ['even', 'large'])" in other.stderr


def test_numbers_to_predict(project: Path, table: Path) -> None:
    data = ["dataset=manifest", f"dataset.path={table}", *SIZE]
    data += ["dataset.label_columns=[ink]", "dataset.label_kind=values"]
    metrics = trained(project, data, "regression", 8)
    judged = rows_of_csv(project / "models/evaluate/predictions.csv")
    actual, predicted = (
        np.array([float(row[f"{word}_ink"]) for row in judged]) for word in ("actual", "predicted")
    )
    assert metrics["mean_absolute_error"] == pytest.approx(mean_absolute_error(actual, predicted))
    assert metrics["mean_absolute_error"] < 0.5 * np.mean(np.abs(actual - actual.mean()))
    ink = {row["path"]: float(row["ink"]) for row in rows_of_given(table)}
    for row, value in zip(judged, actual.tolist(), strict=True):
        assert ink[row["file"].removeprefix("images/").replace("__", "/")] == value


def test_a_changed_table_of_labels_is_found(project: Path, table: Path) -> None:
    data = ["dataset=manifest", f"dataset.path={table}", *SIZE]
    for stage in ("fetch", "split"):
        run(project, stage, *data)
    labels = project / "data/split/val/labels.csv"
    labels.write_text(labels.read_text().replace('"five"', '"6"', 1))
    for command in (["pack"], ["train", "source=folder"]):
        done = run_spoonful(project, *command, *data)
        assert done.returncode == 2
        assert f"{labels}: expected SHA-256" in done.stderr
        assert "run `spoonful split` again" in done.stderr


def test_a_bad_image_is_named_by_the_users_own_path(project: Path, table: Path) -> None:
    folder = project / "mine"
    folder.mkdir()
    rows = ["path,label"]
    for number in range(40):
        (folder / f"{number}.png").write_bytes((table.parent / f"{2 * number}.png").read_bytes())
        rows.append(f"{number}.png,{number % 2}")
    (folder / "table.csv").write_text("\n".join(rows) + "\n")
    data = ["dataset=manifest", "dataset.path=mine/table.csv", *SIZE]
    (folder / "7.png").write_bytes(b"no image")
    for stage in ("fetch", "split", "pack"):
        done = run_spoonful(project, stage, *data)
        if done.returncode:
            break
    assert done.returncode == 2
    assert str(folder / "7.png") in done.stderr


def test_hugging_face_files_and_arrays_give_the_same_images(project: Path, tmp_path: Path) -> None:
    images, labels = digits()
    np.savez(tmp_path / "digits.npz", x=images[:300], y=labels[:300])
    features = {"image": {"_type": "Image"}, "label": {"names": NAMES, "_type": "ClassLabel"}}
    encoded = [cv2.imencode(".png", image)[1].tobytes() for image in images[:300]]
    cells = [{"bytes": content, "path": None} for content in encoded]
    rows = rows_of(cells, features, label=pa.array(labels[:300]))
    save_dict({"train": rows.slice(0, 200), "test": rows.slice(200)}, tmp_path / "hf")
    data = ["dataset=hf_dataset", f"dataset.path={tmp_path / 'hf'}", *SIZE]
    metrics = trained(project, data, "classification", 8)
    assert metrics["num_images"] == 100
    assert metrics["accuracy"] > 0.5
    placed = {path.read_bytes() for path in (project / "data/split").glob("*/images/*.png")}
    assert placed == set(encoded)
    data = ["dataset=arrays", f"dataset.path={tmp_path / 'digits.npz'}", *SIZE]
    for stage in ("fetch", "split", "pack"):
        run(project, stage, *data)
    placed = {path.read_bytes() for path in (project / "data/split").glob("*/*/*.png")}
    assert placed == set(encoded)
