"""The Python of the README and of docs/ runs as it is written."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from tests.pages import COMING_FROM, DOCS, README, python_blocks


def page_trains(blocks: list[str]) -> bool:
    return any("model.fit(generator" in block for block in blocks)


def test_the_keras_example_is_ten_lines() -> None:
    lines = [line for line in python_blocks(README)[0].splitlines() if line.strip()]
    assert len(lines) <= 10


@pytest.mark.slow
def test_the_examples_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    for label in range(10):
        folder = tmp_path / "data" / "split" / "train" / str(label)
        folder.mkdir(parents=True)
        for number in range(7):
            pixels = random.integers(0, 256, (8, 8), dtype=np.uint8)
            cv2.imwrite(str(folder / f"{number}.png"), pixels)
    monkeypatch.chdir(tmp_path)
    readme = python_blocks(README)
    # coming-from.md has data of its own: test_coming_from.py
    pages = [blocks for page in DOCS if page != COMING_FROM and (blocks := python_blocks(page))]
    assert len(pages) >= 2  # the generator, and exact resume
    for page in pages:  # each continues the README's example and needs no other page
        names: dict[str, Any] = {}
        for block in [*readme, *page]:
            exec(block, names)
        assert len(names["generator"]) == 3  # 70 images in batches of 32
        # 3 epochs here, of the README's model after its own 3 or of one that the page builds.
        assert page_trains(page)
        assert int(names["model"].optimizer.iterations) in (9, 18)
        assert not (tmp_path / "checkpoints").exists()
        assert names["generator"].batch(1234)[0].shape == (32, 8, 8, 1)
