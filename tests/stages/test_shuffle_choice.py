"""generator.shuffle=auto: what is chosen for which data and memory, and how it is said."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spoonful import ArraySource, PackedSource, Source, pack
from spoonful.config.compose import compose_config
from spoonful.config.settings import run_name
from spoonful.stages.sweep import _with_choice
from spoonful.sweep.folder import SweepFolder, SweepRecord
from spoonful.workflow import shuffle_choice as choosing
from spoonful.workflow import train_words
from spoonful.workflow.interrupted import Wanted, _Record, _resumed
from spoonful.workflow.shuffle_choice import ShuffleChoice, choice_for, choose, with_shuffle

MIB = 1 << 20
SIZES = st.integers(0, 1 << 50)
FULL, BLOCK = ShuffleChoice("full", "it fits"), ShuffleChoice("block", "it does not fit")


@given(SIZES, st.none() | SIZES, st.booleans())
def test_block_is_chosen_exactly_for_mixed_files_that_half_of_the_memory_does_not_hold(
    stored_bytes: int, room: int | None, is_mixed: bool
) -> None:
    chosen = choose(stored_bytes, room, is_mixed=is_mixed)
    fits = room is not None and 2 * stored_bytes <= room
    assert chosen.shuffle == ("block" if stored_bytes and is_mixed and not fits else "full")
    assert chosen == choose(stored_bytes, room, is_mixed=is_mixed)


@given(SIZES, SIZES, st.integers(0, 1 << 40))
def test_more_memory_or_less_data_never_turns_full_into_block(
    stored_bytes: int, room: int, more: int
) -> None:
    if choose(stored_bytes, room, is_mixed=True).shuffle == "full":
        assert choose(stored_bytes, room + more, is_mixed=True).shuffle == "full"
        assert choose(max(0, stored_bytes - more), room, is_mixed=True).shuffle == "full"


@pytest.mark.parametrize(
    ("stored_bytes", "room", "is_mixed", "line"),
    [
        (0, None, True, "full, because the images are in memory or in a file each"),
        (
            300 * MIB,
            4096 * MIB,
            True,
            "full, because the files of the images take 300.0 MiB, at most half of the 4,096.0 MiB "
            "of free memory",
        ),
        (
            3000 * MIB,
            4096 * MIB,
            True,
            "block, because the files of the images take 3,000.0 MiB, more than half of the "
            "4,096.0 MiB of free memory",
        ),
        (
            300 * MIB,
            None,
            True,
            "block, because the files of the images take 300.0 MiB, and how much memory is free is "
            "not known",
        ),
        (
            3000 * MIB,
            4096 * MIB,
            False,
            "full, because a block would not be a random draw (the files of the images take "
            "3,000.0 MiB, more than half of the 4,096.0 MiB of free memory, but they are not "
            "stored mixed): pack them with pack.order=mixed if the disk is slow",
        ),
    ],
)
def test_the_choice_is_said_with_its_reason(
    stored_bytes: int, room: int | None, is_mixed: bool, line: str
) -> None:
    chosen = choose(stored_bytes, room, is_mixed=is_mixed)
    assert chosen.line == f"generator.shuffle=auto: {line}"


def packed(folder: Path, order: str = "mixed", **settings: Any) -> PackedSource:
    images = np.random.default_rng(0).integers(0, 256, (64, 32, 32, 1), dtype=np.uint8)
    pack(ArraySource(images, np.arange(64) % 4), folder, order=order)
    return PackedSource(folder, **settings)


def with_room(patch: pytest.MonkeyPatch, room: int | None) -> None:
    patch.setattr(choosing, "free_memory", lambda: room)


def test_a_packed_split_counts_by_its_shards_and_those_of_validation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = packed(tmp_path / "mixed", loaded_mb=0)
    num_bytes = source.meta.num_bytes
    assert source.stored_bytes == num_bytes > 64 * 32 * 32
    for room, val, shuffle in (
        (2 * num_bytes, packed(tmp_path / "mixed"), "full"),  # which is loaded
        (2 * num_bytes - 1, packed(tmp_path / "mixed"), "block"),
        (4 * num_bytes, source, "full"),
        (4 * num_bytes - 1, source, "block"),
    ):
        with_room(monkeypatch, room)
        assert choice_for((source, val)).shuffle == shuffle
    with_room(monkeypatch, 0)
    assert choice_for((packed(tmp_path / "mixed"), source)).shuffle == "full"
    ordered = packed(tmp_path / "class", "class", loaded_mb=0)
    assert "pack.order=mixed" in choice_for((ordered, ordered)).line


@pytest.mark.parametrize(("room", "left"), [(None, None), (1000 * MIB, 158 * MIB), (MIB, 0)])
def test_a_command_without_tensorflow_finds_as_much_memory_as_a_training(
    room: int | None, left: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choosing, "memory_room", lambda: room)
    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
    assert choosing.free_memory() == left
    monkeypatch.setitem(sys.modules, "tensorflow", sys)
    assert choosing.free_memory() == room


def test_arrays_and_sources_of_one_s_own_need_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    class Own(ArraySource):
        """In memory, as far as anyone knows."""

    def no_room() -> int:
        raise AssertionError("the memory is not asked for")

    monkeypatch.setattr(choosing, "free_memory", no_room)
    source: Source = Own(np.zeros((4, 2, 2, 1), np.uint8), [0, 1, 0, 1])
    assert choice_for((source, source)).shuffle == "full"


def test_the_name_of_a_run_has_what_was_chosen() -> None:
    config = compose_config(["model=mlp"])
    assert config.generator.shuffle == "auto"
    assert run_name(with_shuffle(config, BLOCK)) == "mlp-adam-b32-block-s0"
    assert with_shuffle(config, None) == config


def wanted(shuffle: str, choice: ShuffleChoice | None) -> Wanted:
    identity = {"settings": {"generator": {"shuffle": shuffle, "seed": 3}}, "fingerprint": {}}
    return Wanted(identity, {}, choice=choice)


@pytest.mark.parametrize(
    ("asked", "begun", "same", "kept"),
    [
        (wanted("block", BLOCK), wanted("full", FULL), True, FULL),  # less memory than then
        (wanted("full", FULL), wanted("full", FULL), True, FULL),
        (wanted("full", None), wanted("full", FULL), True, FULL),  # now it is typed
        (wanted("block", None), wanted("full", FULL), False, FULL),
        (wanted("block", BLOCK), wanted("full", None), False, None),  # it was typed then
        (wanted("full", FULL), wanted("full", None), True, None),
    ],
)
def test_an_interrupted_run_keeps_its_order_unless_another_one_is_typed(
    asked: Wanted, begun: Wanted, same: bool, kept: ShuffleChoice | None
) -> None:
    record = _Record("abc", begun.identity, choice=begun.choice)
    assert (asked.as_begun(record).identity == begun.identity) is same
    if same:
        folder = _resumed(record, asked)
        assert (folder.identity, folder.choice) == (begun.identity, kept)


def test_all_points_of_a_sweep_have_the_choice_of_its_first_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source = packed(tmp_path / "mixed", loaded_mb=0)
    configs = [compose_config([])]
    monkeypatch.setattr(train_words, "read_summary", dict)  # nothing to say of the images' sizes
    record = SweepRecord("abc", "sweep", {}, ("seed",), 2)
    with_room(monkeypatch, 1 << 40)
    first = _with_choice(record, configs, (source, source))
    assert first.choice is not None
    assert first.choice.shuffle == "full"
    folder = SweepFolder(tmp_path / "abc")
    folder.path.mkdir()
    folder.write(first)
    again = folder.record()
    assert again is not None
    with_room(monkeypatch, 0)
    assert _with_choice(again, configs, (source, source)) == first
    assert _with_choice(record, configs, (source, source)).choice != first.choice
    named = [replace(c, generator=replace(c.generator, shuffle="none")) for c in configs]
    assert _with_choice(record, named, (source, source)).choice is None
    said = capsys.readouterr().out.splitlines()
    assert [line.endswith("(when the run began)") for line in said] == [False, True, False]
