"""Evaluation reads a store in turn, and judges each image by its own output."""

from pathlib import Path

import keras
import numpy as np
import pytest

from spoonful import ArraySource, PackedSource, pack
from spoonful.sources.packed.raw import RawImages
from spoonful.stages.evaluate import _predict

SETTINGS = {
    "seed": 0,
    "trainer": {"precision": "float32", "deterministic": False, "jit_compile": False},
    "generator": {"dtype": "uint8"},
}


def test_a_mixed_split_is_read_in_turn_and_predicted_in_the_order_of_its_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = np.arange(200, dtype=np.uint8).reshape(200, 1, 1, 1)  # each shows its own number
    pack(ArraySource(images, np.zeros(200, int), ["a"]), tmp_path / "packed", encoding="raw")
    inputs = keras.Input((1, 1, 1), dtype="uint8")
    model = keras.Model(inputs, keras.layers.Flatten()(inputs))
    model.save(tmp_path / "model.keras")
    is_in_turn = list[bool]()
    read_into = RawImages.read_into

    def noted(self: RawImages, places: np.ndarray, images: np.ndarray) -> None:
        is_in_turn.append(bool((np.diff(places) == 1).all()))
        read_into(self, places, images)

    monkeypatch.setattr(RawImages, "read_into", noted)
    source = PackedSource(tmp_path / "packed")
    assert source.placement is not None
    found = _predict(tmp_path / "model.keras", source, SETTINGS, 32)
    assert found.shape == (200, 1)
    assert found[:, 0].tolist() == list(range(200))
    assert len(is_in_turn) > 1
    assert all(is_in_turn)
