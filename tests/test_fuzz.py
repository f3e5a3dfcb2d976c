"""The experiment `fuzz`: its damage can be made again, its watch sees what it is to see."""

import importlib
import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

FOLDER = Path(__file__).resolve().parents[1] / "experiments" / "fuzz"
LIMIT_S, LIMIT_MIB = 6.0, 256

# A module of readers that do each thing that must never be.
READERS = """
import os, signal, sys, time
import numpy as np
from outcome import SAME, Case
from spoonful.errors import SpoonfulError

WAYS = ("serve", "crash", "hang", "fill", "raise", "print", "unnamed", "two lines", "refuse")
WAYS += ("exit",)

class Inputs:
    def __init__(self, seed, folder):
        self.seed = seed

    def make(self, number):
        return Case("fake", "none", WAYS[number]), WAYS[number]

    def read(self, way):
        if way == "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        if way == "hang":
            time.sleep(60)
        if way == "fill":
            np.ones(300 << 20, np.uint8)
        if way == "raise":
            raise ValueError("no SpoonfulError")
        if way == "print":
            os.write(2, b"libpng warning: of no file")
        if way == "exit":
            os._exit(0)
        if way in ("unnamed", "two lines", "refuse"):
            error = SpoonfulError("no image" if way == "unnamed" else "file.png: no image")
            if way == "two lines":  # which its constructor would escape
                error.args = ("file.png:\\nno image",)
            raise error
        return way

    def names(self, way):
        return ("file.png",)

    def judge(self, way, served):
        return SAME, ""
"""


@pytest.fixture(scope="module")
def experiment() -> Iterator[Any]:
    """Imports a module of the experiment, whose folder is no package."""
    known = set(sys.modules)
    sys.path.insert(0, str(FOLDER))
    yield importlib.import_module
    sys.path.remove(str(FOLDER))
    for name in set(sys.modules) - known:
        if Path(getattr(sys.modules[name], "__file__", None) or "/").parent == FOLDER:
            del sys.modules[name]


@pytest.mark.slow
def test_the_watch_sees_all_that_must_never_be(experiment: Any, tmp_path: Path) -> None:
    (tmp_path / "fakes.py").write_text(READERS)
    watch, outcome = experiment("watch"), experiment("outcome")

    def make(process: int) -> Any:
        return watch.Watched(
            ("fakes", "Inputs"), 0, tmp_path / str(process), LIMIT_S, LIMIT_MIB, tmp_path
        )

    found = list(watch.outcomes(make, range(10), 1))
    ends = {one.case.damage: one.end for one in found}
    assert ends == {
        "serve": outcome.SAME,
        "crash": outcome.CRASH,
        "hang": outcome.SLOW,
        "fill": outcome.LARGE,
        "raise": outcome.EXCEPTION,
        "print": outcome.NOISY,
        "unnamed": outcome.UNCLEAR,
        "two lines": outcome.UNCLEAR,
        "refuse": outcome.REFUSED,
        "exit": outcome.CRASH,
    }
    assert [one.case.damage for one in found if not one.is_finding] == ["serve", "refuse"]
    crash = next(one for one in found if one.case.damage == "crash")
    assert crash.detail == "SIGSEGV"
    fill = next(one for one in found if one.case.damage == "fill")
    after = next(one for one in found if one.case.damage == "raise")
    assert after.peak_mib < LIMIT_MIB < fill.peak_mib, "a peak is that of its own input"


def test_a_harness_that_fails_says_so(experiment: Any, tmp_path: Path) -> None:
    (tmp_path / "fakes.py").write_text(READERS.replace("def make", "def made"))
    watch = experiment("watch")
    watched = watch.Watched(("fakes", "Inputs"), 0, tmp_path / "0", path=tmp_path)
    with pytest.raises(watch.HarnessError, match="no attribute 'make'"):
        list(watch.outcomes(lambda process: watched, [0], 1))


def jpeg() -> bytes:
    file = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 256, (64, 80, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(file, "JPEG")
    return file.getvalue()


def test_the_references_tell_lost_data_from_stray_bytes(experiment: Any) -> None:
    references, data = experiment("references"), jpeg()
    middle, table = len(data) // 2, data.index(b"\xff\xdb")
    good = {
        "whole": data,
        "stray bytes before a marker": data[:table] + bytes(40) + data[table:],
        "stray bytes behind": data + bytes(300),
        "no JPEG": b"GIF89a",
    }
    lost = {
        "cut": data[:middle],
        "cut, an end behind it": data[:middle] + b"\xff\xd9",
        "a hole of 0": data[:middle] + bytes(512) + data[middle + 512 :],
        "a hole of 255": data[:middle] + b"\xff" * 512 + data[middle + 512 :],
    }
    assert {n: references.libjpeg_warning(d) for n, d in good.items()} == dict.fromkeys(good)
    assert all(references.libjpeg_warning(d) for d in lost.values())
    assert references.pillow_refusal(data) is None
    assert references.pillow_refusal(data[:middle]) is not None


def test_served_where_a_reference_refuses_is_a_finding(experiment: Any, tmp_path: Path) -> None:
    images, outcome = experiment("images"), experiment("outcome")
    inputs = images.Images(0, tmp_path)
    _, made = inputs.make(0)
    assert made.picture.format == "jpeg"
    whole = images.Made(made.picture, made.picture.data, made.way, ".jpg", False)
    served = inputs.read(whole)
    assert inputs.judge(whole, served)[0] == outcome.SAME
    other = (255 - served[0], None)
    assert inputs.judge(whole, other)[0] == outcome.UNNOTICED
    twice = (served[0], other[0])
    assert inputs.judge(whole, twice)[0] == outcome.TWO_WAYS
    for format_name, end in (("jpeg", outcome.LIBJPEG), ("png", outcome.PILLOW)):
        picture = next(p for p in experiment("pictures").pictures() if p.format == format_name)
        half = picture.data[: len(picture.data) // 2]
        cut = images.Made(picture, half, made.way, ".img", False)
        assert inputs.judge(cut, served)[0] == end


@pytest.mark.slow
def test_the_undamaged_images_are_served_and_the_damage_can_be_made_again(
    experiment: Any, tmp_path: Path
) -> None:
    images, pictures = experiment("images"), experiment("pictures").pictures()
    assert {p.format for p in pictures} == set(experiment("pictures").SUFFIXES)
    assert pictures == experiment("pictures").pictures()
    inputs = images.Images(0, tmp_path / "a")
    way = images.Way((32, 32), 3, "stretch")
    for picture in pictures:
        made = images.Made(picture, picture.data, way, ".png", True)
        assert inputs.judge(made, inputs.read(made))[0] == experiment("outcome").SAME, picture
    again, other = images.Images(0, tmp_path / "b"), images.Images(1, tmp_path / "c")
    for number in range(40):
        assert again.make(number) == inputs.make(number)
    assert [other.make(n) for n in range(40)] != [inputs.make(n) for n in range(40)]


def test_each_damage_changes_a_file(experiment: Any) -> None:
    damage, layout = experiment("damage"), experiment("layout")
    data = jpeg()
    target = damage.Target(data, layout.layout_of("jpeg", data), b"\xff\xd9", jpeg()[::-1])
    for name, (_, way) in damage.DAMAGES.items():
        made = [way(target, np.random.default_rng(seed)) for seed in range(8)]
        assert any(one != data for one in made), name
        assert made == [way(target, np.random.default_rng(seed)) for seed in range(8)], name
    empty = damage.Target(b"", layout.Layout([], []), b"", b"")
    for name, (_, way) in damage.DAMAGES.items():
        assert isinstance(way(empty, np.random.default_rng(0)), bytes), name


@pytest.mark.slow
def test_half_a_minute_of_it_finds_nothing(experiment: Any, tmp_path: Path) -> None:
    project, run = experiment("project"), experiment("run")
    project.make_project(tmp_path / project.PROJECT_NAME)
    found = [
        *run.look("images", range(50_000, 50_800), 0, tmp_path, 2),
        *run.look("files", range(50_000, 50_200), 0, tmp_path, 2),
    ]
    assert len(found) == 1_000
    assert [(o.number, o.case, o.end, o.detail) for o in found if o.is_finding] == []
    assert len({o.case.group for o in found}) >= 15
