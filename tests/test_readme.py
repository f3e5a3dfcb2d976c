"""The README's Python works as it stands."""

import re
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

README = Path(__file__).resolve().parents[1] / "README.md"


def python_blocks() -> list[str]:
    return re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)


def test_the_keras_example_is_ten_lines() -> None:
    lines = [line for line in python_blocks()[0].splitlines() if line.strip()]
    assert len(lines) <= 10


def test_the_examples_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(0)
    for label in range(10):
        folder = tmp_path / "data" / "split" / "train" / str(label)
        folder.mkdir(parents=True)
        for number in range(7):
            pixels = random.integers(0, 256, (8, 8), dtype=np.uint8)
            cv2.imwrite(str(folder / f"{number}.png"), pixels)
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for block in python_blocks():
        exec(block, names)
    assert len(names["generator"]) == 3  # 70 images in batches of 32
    assert int(names["model"].optimizer.iterations) == 27
    assert not (tmp_path / "checkpoints").exists()
    assert names["generator"].batch(1234)[0].shape == (32, 8, 8, 1)
