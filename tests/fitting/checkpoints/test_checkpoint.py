import json
import math
import shutil
import struct
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy
from numpy.typing import NDArray

from spoonful.errors import SpoonfulError
from spoonful.fitting.checkpoints.checkpoint import (
    ARRAYS_NAME,
    STATE_NAME,
    Checkpoint,
    read_checkpoint,
    write_checkpoint,
)

FILES = [ARRAYS_NAME, STATE_NAME]
DTYPES = [
    *("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    *("float16", "float32", "float64", "complex64", "<U3", "S2", "datetime64[s]"),
    *(ml_dtypes.bfloat16, ml_dtypes.float8_e4m3fn, ml_dtypes.float8_e5m2, ml_dtypes.int4),
]
STATE = {
    "epoch": 3,
    "history": [{"loss": 0.1 + 0.2, "val_loss": 1e-308}],
    "name": "grüße\u2028\n",
    "none": None,
    "flag": True,
}


def arrays_of(seed: int) -> dict[str, NDArray[Any]]:
    rng = np.random.default_rng(seed)
    return {
        "model/00000": rng.standard_normal((3, 4)).astype(np.float32),
        "model/00001": rng.standard_normal(5).astype(ml_dtypes.bfloat16),
        "optimizer/00000": np.asarray(seed),
    }


def same_bits(a: NDArray[Any], b: NDArray[Any]) -> bool:
    return a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes()


def bits_of(number: float) -> bytes:
    return struct.pack("<d", number)


def assert_same(found: Checkpoint, expected: Checkpoint) -> None:
    assert found.step == expected.step
    assert found.state == expected.state
    assert found.arrays.keys() == expected.arrays.keys()
    for name, array in expected.arrays.items():
        assert same_bits(found.arrays[name], array), name


def written(folder: Path, checkpoint: Checkpoint) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    write_checkpoint(checkpoint, folder)
    return folder


def read_back(folder: Path, **arrays: NDArray[Any]) -> dict[str, NDArray[Any]]:
    return read_checkpoint(written(folder, Checkpoint(1, {}, arrays))).arrays


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written(
        tmp_path_factory.mktemp("checkpoint") / "whole", Checkpoint(70, STATE, arrays_of(0))
    )


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape", [(), (0,), (2, 0, 3), (7,), (2, 3, 4)], ids=str)
def test_arrays_of_any_type_and_shape_come_back_with_the_same_bits(
    dtype: Any, shape: tuple[int, ...], tmp_path: Path
) -> None:
    array = np.random.default_rng(0).integers(0, 7, shape).astype(dtype)
    found = read_back(tmp_path / "a", x=np.asarray(array))
    assert same_bits(found["x"], np.asarray(array))


@pytest.mark.parametrize("dtype", [">f4", ">i8", [("a", "<i4"), ("b", ">f8")]], ids=str)
def test_arrays_in_another_byte_order_keep_their_values(dtype: Any, tmp_path: Path) -> None:
    array = np.arange(6).astype(np.dtype(dtype))
    found = read_back(tmp_path / "a", x=array)["x"]
    assert found.dtype.names == array.dtype.names
    assert np.array_equal(found, array)


def test_arrays_that_lie_anyhow_in_memory_come_back(tmp_path: Path) -> None:
    half = np.arange(24, dtype=np.float32).reshape(4, 6).astype(ml_dtypes.bfloat16)
    given_arrays = {"t": half.T, "cut": half[::2, 1::2], "fortran": np.asfortranarray(half)}
    found = read_back(tmp_path / "a", **given_arrays)
    for name, array in given_arrays.items():
        assert np.array_equal(found[name], array)
        assert found[name].dtype == array.dtype


@settings(max_examples=60, deadline=None)
@given(array=st_numpy.arrays(np.uint64, st_numpy.array_shapes(min_dims=0, min_side=0)))
def test_every_float_comes_back_with_the_same_bits_nan_and_infinity_too(
    array: NDArray[np.uint64], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("a")
    floats, bfloats = array.view(np.float64), array.astype(np.uint16).view(ml_dtypes.bfloat16)
    found = read_back(folder, floats=floats, bfloats=bfloats)
    assert same_bits(found["floats"], floats)
    assert same_bits(found["bfloats"], bfloats)
    shutil.rmtree(folder)


PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
STATES = st.dictionaries(
    st.text(),
    st.recursive(
        PLAIN, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=5
    ),
    max_size=5,
)
JSON_VALUES = st.dictionaries(st.sampled_from(["sha256", "state", "step"]), PLAIN) | PLAIN


@settings(max_examples=60, deadline=None)
@given(state=STATES, step=st.integers(0, 10**12 - 1))
def test_the_state_comes_back_equal(
    state: dict[str, Any], step: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("a")
    checkpoint = Checkpoint(step, state, {})
    found = read_checkpoint(written(folder, checkpoint))
    assert_same(found, checkpoint)
    assert repr(found.state) == repr(state)  # 1 is not True, -0.0 is not 0.0, and the order
    shutil.rmtree(folder)


@settings(max_examples=100, deadline=None)
@given(numbers=st.lists(st.floats(), min_size=1))
def test_floats_of_the_state_come_back_with_the_same_bits(
    numbers: list[float], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("a")
    state = {"numbers": numbers, "nan": math.nan, "infinity": [math.inf, -math.inf]}
    found = read_checkpoint(written(folder, Checkpoint(1, state, {}))).state
    assert math.isnan(found["nan"])
    assert found["infinity"] == [math.inf, -math.inf]
    for before, after in zip(numbers, found["numbers"], strict=True):
        assert bits_of(before) == bits_of(after) or (math.isnan(before) and math.isnan(after))
    shutil.rmtree(folder)


def test_a_whole_checkpoint_is_read(folder: Path) -> None:
    assert_same(read_checkpoint(folder), Checkpoint(70, STATE, arrays_of(0)))
    assert {path.name for path in folder.iterdir()} == set(FILES)


def damaged_copy(folder: Path, target: Path, name: str, content: bytes | None) -> Path:
    """Copy a checkpoint; one of its files gets other content, or goes."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(folder, target)
    if content is None:
        (target / name).unlink()
    else:
        (target / name).write_bytes(content)
    return target


def is_detected(folder: Path) -> bool:
    """Return whether a damaged checkpoint is refused; otherwise nothing of it may be changed."""
    try:
        found = read_checkpoint(folder)
    except SpoonfulError as caught:
        error = str(caught)
    else:
        assert_same(found, Checkpoint(70, STATE, arrays_of(0)))
        return False
    assert error
    assert "\n" not in error
    return True


# JSON has several kinds of spaces, capital exponents and more digits than a float needs: there a
# change of the state's file may mean the same.
@pytest.mark.parametrize("name", FILES)
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_changed_byte_is_detected(name: str, folder: Path, data: st.DataObject) -> None:
    whole = (folder / name).read_bytes()
    content = bytearray(whole)
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    copy = damaged_copy(folder, folder.parent / "changed", name, bytes(content))
    assert is_detected(copy) or name == STATE_NAME


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_a_changed_bit_of_each_byte_is_detected(name: str, folder: Path) -> None:
    whole = (folder / name).read_bytes()
    for place in range(len(whole)):
        content = bytearray(whole)
        content[place] ^= 1 << place % 8
        copy = damaged_copy(folder, folder.parent / "changed", name, bytes(content))
        assert is_detected(copy) or name == STATE_NAME


@pytest.mark.parametrize("name", FILES)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_cut_or_lengthened_file_is_detected(name: str, folder: Path, data: st.DataObject) -> None:
    content = (folder / name).read_bytes()
    length = data.draw(st.integers(0, len(content) - 1))
    cut = damaged_copy(folder, folder.parent / "cut", name, content[:length])
    assert is_detected(cut)
    more = content + data.draw(st.binary(min_size=1, max_size=4))
    longer = damaged_copy(folder, folder.parent / "longer", name, more)
    is_space = name == STATE_NAME and more[len(content) :].isspace()
    assert is_detected(longer) or is_space


@pytest.mark.parametrize("name", FILES)
@settings(max_examples=60, deadline=None)
@given(content=st.binary(max_size=40) | JSON_VALUES.map(lambda value: json.dumps(value).encode()))
def test_a_file_of_something_else_is_detected(name: str, content: bytes, folder: Path) -> None:
    copy = damaged_copy(folder, folder.parent / "other", name, content)
    assert is_detected(copy)


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_gone_or_a_folder_is_detected(name: str, folder: Path) -> None:
    gone = damaged_copy(folder, folder.parent / "gone", name, None)
    with pytest.raises(SpoonfulError, match=name):
        read_checkpoint(gone)
    (gone / name).mkdir()
    with pytest.raises(SpoonfulError, match=name):
        read_checkpoint(gone)


def test_a_folder_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(SpoonfulError, match=r"state\.json") as caught:
        read_checkpoint(tmp_path / "nothing")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", FILES)
def test_a_file_of_another_checkpoint_is_detected(name: str, folder: Path, tmp_path: Path) -> None:
    other = written(tmp_path / "other", Checkpoint(71, STATE, arrays_of(1)))
    mixed = damaged_copy(folder, tmp_path / "mixed", name, (other / name).read_bytes())
    with pytest.raises(SpoonfulError, match=r"arrays\.npz does not have the SHA-256"):
        read_checkpoint(mixed)


def test_another_version_of_the_format_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spoonful.fitting.checkpoints.checkpoint.FORMAT_VERSION", 99)
    written(tmp_path / "a", Checkpoint(1, {}, {}))
    monkeypatch.undo()
    with pytest.raises(SpoonfulError, match="format version 99, expected 1"):
        read_checkpoint(tmp_path / "a")


def test_objects_are_not_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="allow_pickle"):
        written(tmp_path / "a", Checkpoint(1, {}, {"x": np.array([{}, None])}))
