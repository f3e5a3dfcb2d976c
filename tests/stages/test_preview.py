"""`spoonful preview` and `spoonful order` show what a real training reads."""

import csv
import io
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mlflow.tracking import MlflowClient
from numpy.typing import NDArray
from PIL import Image

from spoonful.contact_sheet import Cell, layout_of
from spoonful.generator.chunks import Chunk
from spoonful.record.ledger import TRAIN, VAL, Ledger, from_csv
from spoonful.sources.packed.source import PackedSource

pytestmark = pytest.mark.slow

Spoonful = Callable[..., "subprocess.CompletedProcess[str]"]
SHORT = ["trainer.epochs=2", "trainer.max_steps_per_epoch=2", "generator.batch_size=20"]
BLOCK = ["generator.shuffle=block", "generator.block_size=7", "seed=5"]


def listed(done: "subprocess.CompletedProcess[str]") -> list[list[str]]:
    assert (done.returncode, done.stderr) == (0, "")
    return list(csv.reader(io.StringIO(done.stdout), delimiter="\t"))


def digest_of(source: PackedSource, indices: NDArray[np.int64]) -> bytes:
    images, labels = source.read(indices), np.asarray(source.labels)[indices].astype(np.int64)
    return Chunk(0, 1, indices, labels, images, x=images, y=labels).digests()[0]


def test_the_order_listed_is_that_of_the_ledger_of_a_real_training(
    digits: Path, spoonful: Spoonful
) -> None:
    done = spoonful("train", "model=mlp", *SHORT, *BLOCK)
    assert done.returncode == 0, done.stderr
    assert "a quick look: trainer.max_steps_per_epoch=2" in done.stdout
    rows = from_csv((digits / "models" / "train" / "ledger.csv").read_text())
    source = PackedSource(digits / "data" / "packed" / "train")
    expected = Ledger()
    expected.begin(TRAIN, 2, 2)
    for chosen in (["--epoch=2", "--step=0"], ["--step", "3"]):
        lines = listed(spoonful("order", *chosen, *SHORT, *BLOCK))
        indices = np.array([int(line[0]) for line in lines])
        assert len(indices) == 20
        assert [line[2] for line in lines] == [source.example_id(i) for i in indices]
        assert [line[1] for line in lines] == [line[2].split("/")[0] for line in lines]
        expected.add(TRAIN, [digest_of(source, indices)])
    expected.end(TRAIN)
    assert [row for row in rows if row.stream == TRAIN and row.epoch == 2] == expected.rows
    assert [row.step for row in rows if row.stream == TRAIN] == [2, 4]
    # Validation uses all of its 180 images, as many as it lists.
    assert max(row.step for row in rows if row.stream == VAL) == 9
    last = listed(spoonful("order", "--split", "val", "--step", "8", *SHORT))
    placed = PackedSource(digits / "data" / "packed" / "val").placement
    assert placed is not None
    assert [int(line[0]) for line in last] == placed.examples(np.arange(160, 180)).tolist()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--step", "4"], "preview.step=4: the training, 2 epochs of 2, has 4 steps, expected 0"),
        (["--step", "2", "--epoch", "1"], "preview.step=2: epoch 1 has 2 steps, expected 0 to 1"),
        (["--epoch", "3"], "preview.epoch=3: expected 1 to 2 (trainer.epochs)"),
        (["--split=val", "--step=9"], "preview.step=9: validation has 9 steps, expected 0 to 8"),
    ],
    ids=str,
)
def test_a_step_that_there_is_not_is_one_line(
    digits: Path, spoonful: Spoonful, words: list[str], message: str
) -> None:
    for command in ("order", "preview"):
        done = spoonful(command, *words, *SHORT)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith(f"spoonful: {message}")
        assert done.stderr.count("\n") == 1
    assert not (digits / "preview").exists()


def test_the_order_is_listed_without_a_framework(digits: Path) -> None:
    slow = ("tensorflow", "keras", "mlflow", "dvc", "sklearn", "matplotlib")
    code = (
        "import sys\n"
        "from spoonful.command_line import main\n"
        "main(['order', '--step', '3', 'source=folder', 'generator.shuffle=balanced'])\n"
        f"print([name for name in {slow} if name in sys.modules])\n"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=digits, capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    assert lines[-1] == "[]"
    assert len(lines) == 33


def shown(png: Path, number: int, side: int, channels: int) -> list[list[Any]]:
    """The images in the figure, at their own size."""
    sheet = np.asarray(Image.open(png))
    cell = Cell([np.zeros((side, side, channels), np.uint8)] * 2, ["", ""])
    layout = layout_of(["", ""], [cell] * number)
    step = int(layout.scale)
    size = side * step
    return [
        [sheet[y : y + size : step, x : x + size : step, :channels] for x, y in corners]
        for corners in layout.corners
    ]


def test_the_figure_has_the_pixels_of_the_batch(digits: Path, spoonful: Spoonful) -> None:
    chosen = [*SHORT, *BLOCK, "trainer=augmented_digits", "--epoch=2", "--step=1"]
    done = spoonful("preview", *chosen, "preview.num_images=6")
    assert (done.returncode, done.stderr) == (0, "")
    path = digits / "preview" / "train-epoch-2-step-1.png"
    assert f"drawn in preview/{path.name}\n" in done.stdout
    lines = listed(spoonful("order", "--step=3", *SHORT, *BLOCK))
    source = PackedSource(digits / "data" / "packed" / "train")
    images = source.read([int(line[0]) for line in lines[:6]])
    pairs = shown(path, 6, 8, 1)
    for (raw, changed), image in zip(pairs, images, strict=True):
        assert np.array_equal(raw, image)
        assert not np.array_equal(changed, image)
    # Once more: the same figure, and still one run of previews in the experiment.
    drawn = path.read_bytes()
    done = spoonful("preview", *chosen, "preview.num_images=6")
    assert path.read_bytes() == drawn
    client = MlflowClient(f"sqlite:///{digits / 'mlflow.db'}")
    (experiment,) = [e for e in client.search_experiments() if e.name == "digits"]
    (run,) = client.search_runs([experiment.experiment_id])
    assert (run.info.run_name, run.info.status) == ("preview", "FINISHED")
    assert run.info.run_id in done.stdout
    kept = Path(client.download_artifacts(run.info.run_id, path.name))
    assert kept.read_bytes() == drawn
