import json
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from spoonful import ArraySource, BatchGenerator, FolderSource, SpoonfulError
from spoonful.generator.chunks import Batch

# The same examples on every run, whatever the machine is busy with.
PROPERTY = settings(deadline=None, derandomize=True)


def numbered(num_examples: int, num_classes: int = 3) -> ArraySource:
    """A source whose example i has the pixels i, i + 1, i + 2, i + 3 (modulo 256)."""
    pixels = np.arange(num_examples)[:, None] + np.arange(4)
    images = (pixels % 256).astype(np.uint8).reshape(-1, 2, 2, 1)
    names = [f"class {number}" for number in range(num_classes)]
    return ArraySource(images, np.arange(num_examples) % num_classes, names)


def same(one: Batch, other: Batch) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


@PROPERTY
@given(num_examples=st.integers(1, 200), batch_size=st.integers(1, 200))
def test_length_and_batch_sizes(num_examples: int, batch_size: int) -> None:
    generator = BatchGenerator(numbered(num_examples), batch_size)
    sizes = [len(generator[i][0]) for i in range(len(generator))]
    assert sum(sizes) == num_examples
    assert all(size == batch_size for size in sizes[:-1])
    assert 1 <= sizes[-1] <= batch_size


@PROPERTY
@given(batch_size=st.integers(1, 60))
def test_drop_remainder_leaves_whole_batches_only(batch_size: int) -> None:
    generator = BatchGenerator(numbered(60), batch_size, drop_remainder=True)
    assert len(generator) == 60 // batch_size
    assert {len(generator[i][0]) for i in range(len(generator))} == {batch_size}


def test_every_epoch_is_another_permutation_of_all_examples() -> None:
    generator = BatchGenerator(numbered(50), 8)
    epochs = [
        np.concatenate([generator.indices(epoch * len(generator) + i) for i in range(7)]).tolist()
        for epoch in range(3)
    ]
    assert all(sorted(epoch) == list(range(50)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 3


def test_a_batch_holds_the_pixels_and_labels_of_its_indices() -> None:
    generator = BatchGenerator(numbered(50), 8, one_hot=False)
    x, y = generator.batch(9)
    indices = generator.indices(9)
    assert x.dtype == np.uint8
    assert x[:, 1, 1, 0].tolist() == (indices + 3).tolist()
    assert y.dtype == np.int64
    assert y.tolist() == (indices % 3).tolist()


def test_one_hot_labels_are_rows_of_the_identity() -> None:
    source = numbered(10, num_classes=4)
    _, y = BatchGenerator(source, 10, shuffle="none").batch(0)
    assert y.dtype == np.float32
    assert y.tolist() == np.eye(4)[np.arange(10) % 4].tolist()
    # The width is that of the classes, also where no example has the last one.
    lonely = ArraySource(np.zeros((2, 1, 1), np.uint8), [0, 0], ["a", "b", "c"])
    assert BatchGenerator(lonely, 2).batch(0)[1].tolist() == [[1, 0, 0], [1, 0, 0]]


def test_float32_pixels_are_the_bytes_over_255() -> None:
    source = ArraySource(np.arange(256, dtype=np.uint8).reshape(1, 16, 16), [0])
    x, _ = BatchGenerator(source, 1, dtype="float32").batch(0)
    assert x.dtype == np.float32
    flat = np.asarray(x, np.float64).ravel()
    assert flat[0] == 0
    assert flat[255] == 1
    assert np.all(np.diff(flat) > 0)
    np.testing.assert_allclose(flat, np.arange(256) / 255, rtol=1.2e-7)


@PROPERTY
@given(step=st.integers(0, 200), start=st.integers(0, 10**12))
def test_the_stream_goes_on_at_any_step(step: int, start: int) -> None:
    generator = BatchGenerator(numbered(20), 6)
    assert same(generator.stream()[step], generator.batch(step))
    assert same(generator.stream(start_step=start)[step], generator.batch(start + step))


def test_the_stream_has_no_end() -> None:
    assert BatchGenerator(numbered(20), 6).stream().num_batches is None


@PROPERTY
@given(
    num_examples=st.integers(1, 60),
    batch_size=st.integers(1, 20),
    process_count=st.integers(1, 5),
    drop_remainder=st.booleans(),
    step=st.integers(0, 50),
)
def test_the_slices_of_all_processes_are_the_batch_of_one(
    num_examples: int, batch_size: int, process_count: int, drop_remainder: bool, step: int
) -> None:
    smallest = batch_size if drop_remainder else (num_examples - 1) % batch_size + 1
    assume(smallest >= process_count and (not drop_remainder or num_examples >= batch_size))
    source = numbered(num_examples)
    settings: dict[str, Any] = {"seed": 7, "drop_remainder": drop_remainder}
    x, y = BatchGenerator(source, batch_size, **settings).batch(step)
    slices = [
        BatchGenerator(
            source, batch_size, process_index=index, process_count=process_count, **settings
        ).batch(step)
        for index in range(process_count)
    ]
    assert np.array_equal(np.concatenate([part[0] for part in slices]), x)
    assert np.array_equal(np.concatenate([part[1] for part in slices]), y)
    sizes = [len(part[0]) for part in slices]
    assert max(sizes) - min(sizes) <= 1


def test_generator_serves_the_epoch_that_keras_is_in() -> None:
    generator = BatchGenerator(numbered(20), 6)
    assert same(generator[1], generator.batch(1))  # before the first epoch
    for epoch in range(3):
        for _ in range(epoch + 1):  # Keras calls it once too often in every fit
            generator.on_epoch_end()
        generator.on_epoch_begin()
        assert same(generator[2], generator.batch(epoch * 4 + 2))


def test_an_index_past_the_end_wraps_within_the_epoch() -> None:
    generator = BatchGenerator(numbered(20), 6)
    generator.on_epoch_begin()
    generator.on_epoch_begin()
    assert same(generator[4 + 3], generator.batch(4 + 3))
    assert same(generator[3 * 4 + 1], generator.batch(4 + 1))


def test_validation_order_is_the_same_in_every_epoch() -> None:
    generator = BatchGenerator(numbered(20), 6, shuffle="none")
    before = [generator[i] for i in range(4)]
    for _ in range(3):
        generator.on_epoch_begin()
    assert all(same(generator[i], before[i]) for i in range(4))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """30 PNG files of 4x5 in two classes, of random pixels."""
    rng = np.random.default_rng(0)
    for number in range(30):
        pixels = rng.integers(0, 256, (4, 5, 3), dtype=np.uint8)
        path = tmp_path / "images" / ("cat" if number % 3 else "dog") / f"{number:02d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(cv2.imencode(".png", pixels[..., ::-1])[1].tobytes())
    return tmp_path / "images"


def arrays_of(folder: Path) -> ArraySource:
    files = sorted(folder.glob("*/*.png"))
    images = np.stack([np.asarray(cv2.imread(str(f), cv2.IMREAD_COLOR_RGB)) for f in files])
    names = ["cat", "dog"]
    return ArraySource(images, [names.index(file.parent.name) for file in files], names)


def test_a_folder_and_an_array_of_the_same_pixels_give_the_same_batches(folder: Path) -> None:
    from_files = BatchGenerator(FolderSource(folder, (4, 5)), 7, seed=3)
    from_arrays = BatchGenerator(arrays_of(folder), 7, seed=3)
    for step in range(2 * len(from_arrays)):
        assert same(from_files.batch(step), from_arrays.batch(step))


def test_threads_do_not_change_batches(folder: Path) -> None:
    generator = BatchGenerator(FolderSource(folder, (8, 8)), 4)
    steps = list(range(40))
    expected = [generator.batch(step) for step in steps]
    asked = steps * 3
    random.Random(0).shuffle(asked)
    with ThreadPoolExecutor(max_workers=8) as pool:
        for step, batch in zip(asked, pool.map(generator.batch, asked), strict=True):
            assert same(batch, expected[step])


def test_changing_a_batch_does_not_change_the_next() -> None:
    generator = BatchGenerator(numbered(20), 6)
    before = [part.copy() for part in generator.batch(1)]
    for part in generator.batch(1):
        part[:] = 0
    assert same(generator.batch(1), (before[0], before[1]))


def test_state_survives_json_and_fits_an_equal_generator() -> None:
    state = json.loads(json.dumps(BatchGenerator(numbered(20), 6, seed=5).state(11)))
    assert state["step"] == 11
    assert state["seed"] == 5
    BatchGenerator(numbered(20), 6, seed=5).check_state(state)


DIFFERENT: dict[str, Callable[[], BatchGenerator]] = {
    "seed (saved 0, now 1)": lambda: BatchGenerator(numbered(20), 6, seed=1),
    "batch_size (saved 6, now 5)": lambda: BatchGenerator(numbered(20), 5),
    "shuffle (saved 'full', now 'none')": lambda: BatchGenerator(numbered(20), 6, shuffle=False),
    "drop_remainder (saved False, now True)": lambda: BatchGenerator(
        numbered(20), 6, drop_remainder=True
    ),
    "max_steps_per_epoch (saved None, now 2)": lambda: BatchGenerator(
        numbered(20), 6, max_steps_per_epoch=2
    ),
    "process_count (saved 1, now 2)": lambda: BatchGenerator(numbered(20), 6, process_count=2),
    f"now '{numbered(21).fingerprint}')": lambda: BatchGenerator(numbered(21), 6),
}


@pytest.mark.parametrize("words", DIFFERENT)
def test_a_state_of_another_stream_is_refused(words: str) -> None:
    state = BatchGenerator(numbered(20), 6).state(3)
    with pytest.raises(SpoonfulError) as caught:
        DIFFERENT[words]().check_state(state)
    assert words in str(caught.value)
    assert str(caught.value).count("(saved") == 1


def test_a_state_of_before_epochs_could_be_short_goes_on() -> None:
    state = BatchGenerator(numbered(20), 6).state(3)
    del state["max_steps_per_epoch"]
    BatchGenerator(numbered(20), 6).check_state(state)
    with pytest.raises(SpoonfulError, match=r"max_steps_per_epoch \(saved None, now 2\)"):
        BatchGenerator(numbered(20), 6, max_steps_per_epoch=2).check_state(state)


def test_every_difference_is_named_at_once() -> None:
    state = BatchGenerator(numbered(20), 6).state(3)
    del state["step"]
    with pytest.raises(SpoonfulError) as caught:
        BatchGenerator(numbered(20), 4, seed=9).check_state(state)
    message = str(caught.value)
    assert "seed (saved 0, now 9)" in message
    assert "batch_size (saved 6, now 4)" in message
    assert "step (not saved)" in message


def test_the_state_does_not_depend_on_the_process() -> None:
    first, second = (
        BatchGenerator(numbered(20), 6, process_index=index, process_count=2) for index in (0, 1)
    )
    second.check_state(first.state(4))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"batch_size": 0}, "batch_size=0"),
        ({"batch_size": 2.5}, "batch_size=2.5"),
        ({"batch_size": True}, "batch_size=True"),
        ({"shuffle": "some"}, "shuffle='some'"),
        ({"seed": -1}, "seed=-1"),
        ({"seed": None}, "seed=None"),
        ({"dtype": "float16"}, "dtype='float16'"),
        ({"process_count": 0}, "process_count=0"),
        ({"process_index": 2, "process_count": 2}, "process_index=2"),
        ({"process_index": -1}, "process_index=-1"),
        ({"batch_size": 11, "drop_remainder": True}, "drop_remainder leaves no batch"),
        ({"batch_size": 9, "process_count": 2}, "smallest batch has 1 examples for 2 processes"),
    ],
)
def test_wrong_settings_are_named(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(SpoonfulError) as caught:
        BatchGenerator(numbered(10), **{"batch_size": 4, **settings})
    assert words in str(caught.value)


@pytest.mark.parametrize("step", [-1, 1.5, True, None])
@pytest.mark.parametrize("method", ["indices", "batch", "stream", "state"])
def test_wrong_steps_are_named(method: str, step: Any) -> None:
    with pytest.raises(SpoonfulError, match="step="):
        getattr(BatchGenerator(numbered(10), 4), method)(step)
