import json
import shutil
from pathlib import Path

import pytest

from spoonful.config.compose import compose_config
from spoonful.errors import SpoonfulError
from spoonful.files.tables import read_csv
from spoonful.inspection import found, inspect
from spoonful.inspection.gate import check_faults
from spoonful.inspection.table import faults_of
from spoonful.project import inspect_dir, raw_dir
from tests.inspection.bad_files import REASONS, encoded, photo, write_bad_files, write_photo
from tests.inspection.conftest import Fetched, count_decoded, rows_of


def test_every_kind_of_bad_file_is_listed_with_its_reason(fetched: Fetched) -> None:
    write_bad_files(Path("mine/cat"))
    for number in range(4):
        write_photo(Path(f"mine/cat/good{number}.png"), number)
        write_photo(Path(f"mine/dog/{number}.png"), 10 + number)
    raw, config = fetched()
    inspect(raw, inspect_dir(), config.dataset, "mine")
    rows = rows_of(inspect_dir())
    bad = {row["path"]: row["reason"] for row in read_csv(inspect_dir() / "bad_files.csv")}
    assert bad.keys() == {f"cat/{name}" for name in REASONS}
    for name, words in REASONS.items():
        assert words in bad[f"cat/{name}"]
        assert rows[f"cat/{name}"]["fault"] == bad[f"cat/{name}"]
        assert rows[f"cat/{name}"]["width"] is None
    good = rows["dog/3.png"]
    assert (good["class"], good["given_split"], good["format"]) == ("dog", None, "PNG")
    assert (good["width"], good["height"], good["channels"]) == (80, 60, 3)
    assert good["sha256"] == raw.images[[*rows].index("dog/3.png")].content
    summary = json.loads((inspect_dir() / "summary.json").read_text())
    assert (summary["num_images"], summary["num_bad"]) == (8 + len(REASONS), len(REASONS))
    page = (inspect_dir() / "report.html").read_text()
    assert all(f"cat/{name}" in page for name in REASONS)
    assert str(Path.cwd()) not in page


def test_a_file_that_is_gone_since_it_was_fetched_is_bad_also_if_its_result_is_kept(
    fetched: Fetched,
) -> None:
    for number in range(8):
        write_photo(Path(f"mine/{'cat' if number else 'dog'}/{number}.png"), number)
    raw, config = fetched()
    assert found(raw, config).faults == {}
    Path("mine/cat/3.png").rename("away.png")
    inspect(raw, inspect_dir(), config.dataset, "mine")
    (fault,) = faults_of(inspect_dir() / "images.parquet").values()
    assert fault.startswith("is missing since `spoonful fetch`; bring it back")
    assert found(raw, config).faults == {2: fault}
    Path("away.png").rename("mine/cat/3.png")
    assert found(raw, config).faults == {}
    Path("mine/cat/3.png").write_bytes(b"other")
    with pytest.raises(SpoonfulError, match=r"3\.png: expected SHA-256"):
        inspect(raw, inspect_dir(), config.dataset, "mine")


def test_images_without_files_of_their_own_are_not_missing(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    config = compose_config(["dataset=digits"])
    config.dataset.fetch(raw_dir())
    raw = config.dataset.open_raw(raw_dir())
    for _ in range(2):
        inspect(raw, inspect_dir(), config.dataset, "digits")
        assert faults_of(inspect_dir() / "images.parquet") == {}


def test_what_names_contain_is_escaped_everywhere(fetched: Fetched) -> None:
    names = ["=cmd('x').png", "<script>alert(1)<_script>.png", "a\x1b[31m\nb.png", "@sum.png"]
    for number, name in enumerate(names):
        Path("mine/=cat").mkdir(parents=True, exist_ok=True)
        Path(f"mine/=cat/{name}").write_bytes(b"<html>" if number % 2 else encoded(photo(1)))
    write_photo(Path("mine/dog/0.png"), 5)
    raw, config = fetched()
    inspect(raw, inspect_dir(), config.dataset, "<b>mine</b>")
    page = (inspect_dir() / "report.html").read_text()
    assert "<script>alert" not in page
    assert "<b>mine" not in page
    assert "&lt;script&gt;alert(1)&lt;_script&gt;.png" in page
    assert "\x1b" not in page
    for path in inspect_dir().glob("*.csv"):
        assert "\x1b" not in path.read_text()
        cells = [value for row in read_csv(path) for value in row.values() if value]
        assert not [value for value in cells if value.startswith(("=", "@", "+", "-"))]
    assert "'=cat" in (inspect_dir() / "bad_files.csv").read_text()
    assert rows_of(inspect_dir())[f"=cat/{names[2]}"]["fault"] is None


def test_copies_and_look_alikes_are_told_by_where_they_are(fetched: Fetched) -> None:
    for split, name, seed in [
        *(("train", "cat/0.png", 0), ("train", "cat/1.png", 0), ("val", "cat/2.png", 0)),
        *(("train", "dog/0.png", 1), ("train", "cat/3.png", 1), ("train", "Dog/0.png", 2)),
        *(("val", "dog/9.png", 3), ("test", "cat/9.png", 4), ("train", "dog/é.png", 5)),
        ("train", "dog/e\u0301.png", 6),
    ]:
        write_photo(Path("mine", split, name), seed)
    Path("mine/train/cat/4.jpg").write_bytes(encoded(photo(4), "JPEG", quality=60))
    Path("mine/train/cat/notes.txt").touch()
    raw, config = fetched()
    result = inspect(raw, inspect_dir(), config.dataset, "mine")
    summary = json.loads((inspect_dir() / "summary.json").read_text())
    assert summary["copies"] == {
        "clusters": 3,
        "images": 7,
        "exact": 3,
        "near": 1,
        "clusters_across_classes": 1,
        "clusters_across_splits": 2,
        "clusters_within_one_class_and_split": 0,
    }
    assert summary["given_splits"] == {"test": 1, "train": 8, "val": 2}
    assert summary["num_passed_over"] == 1
    assert result.class_look_alikes == [["Dog", "dog"]]
    assert result.file_look_alikes == [["e\u0301.png", "é.png"]]
    kinds = {row["path"]: row["kind"] for row in read_csv(inspect_dir() / "copies.csv")}
    assert kinds["train/dog/0.png"] == "same bytes, in several classes"
    assert kinds["test/cat/9.png"] == "look the same, in several splits"


def test_files_that_cannot_be_read_are_in_no_set_of_copies(fetched: Fetched) -> None:
    for name in ("a", "b"):
        write_photo(Path(f"mine/{name}/good.png"), 1)
        Path(f"mine/{name}/e.png").touch()
        Path(f"mine/{name}/page.png").write_text("<html>")
    raw, config = fetched()
    inspect(raw, inspect_dir(), config.dataset, "mine")
    paths = [row["path"] for row in read_csv(inspect_dir() / "copies.csv")]
    assert paths == ["a/good.png", "b/good.png"]
    assert json.loads((inspect_dir() / "summary.json").read_text())["copies"]["images"] == 2
    for copies in ("near", "exact"):
        config.dataset.copies = copies
        assert found(raw, config).clusters == [[1, 4]]


def test_split_uses_the_inspection_of_the_same_images_alone(
    fetched: Fetched, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded = count_decoded(monkeypatch)
    write_photo(Path("mine/dog/0.png"), 90)
    for number in range(5):
        write_photo(Path(f"mine/cat/{number}.png"), number)
    Path("mine/cat/5.jpg").write_bytes(encoded(photo(4), "JPEG", quality=60))
    shutil.copy("mine/cat/0.png", "mine/cat/6.png")
    Path("mine/cat/bad.jpg").symlink_to("nowhere")
    raw, config = fetched()
    known = found(raw, config)
    assert known.clusters == [[0, 6], [4, 5]]
    assert known.faults.keys() == {7}
    table = inspect_dir() / "images.parquet"
    time = table.stat().st_mtime_ns
    for copies, clusters in (("exact", [[0, 6]]), ("ignore", [])):
        config.dataset.copies = copies
        assert found(raw, config).clusters == clusters
        assert found(raw, config).faults == known.faults
    assert table.stat().st_mtime_ns == time
    config.dataset.copies = "near"

    content = bytearray(table.read_bytes())
    content[len(content) // 3] ^= 1
    table.write_bytes(content)
    assert found(raw, config) == known  # inspected again, from what was kept
    Path("mine/cat/bad.jpg").unlink()
    write_photo(Path("mine/cat/bad.jpg"), 70)  # mended since it was fetched
    assert found(raw, config).faults == {}
    raw, config = fetched()
    assert found(raw, config).faults == {}
    assert len(decoded) == 8


def test_images_in_arrays_whose_copies_are_ignored_need_no_inspection(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    config = compose_config(["dataset=digits"])
    config.dataset.fetch(raw_dir())
    known = found(config.dataset.open_raw(raw_dir()), config)
    assert (known.faults, known.clusters) == ({}, [])
    assert not inspect_dir().exists()


def test_bad_images_are_an_error_or_left_out_up_to_a_share(
    fetched: Fetched, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(10):
        write_photo(Path(f"mine/cat/{number}.png"), number)
    write_photo(Path("mine/dog/0.png"), 20)
    raw, config = fetched()
    dataset = config.dataset
    faults = {position: f"damage {position}; mend it" for position in range(1, 4)}
    with pytest.raises(SpoonfulError) as caught:
        check_faults(raw, faults, dataset, inspect_dir())
    said = str(caught.value)
    assert said.startswith(f"3 of 11 images cannot be read: {Path.cwd()}/mine/cat/1.png: damage 1;")
    assert "damage 3; all are in data/inspect/bad_files.csv" in said
    dataset.on_bad_image = "quarantine"
    with pytest.raises(
        SpoonfulError, match=r"a share of 0.2727: more than .*max_bad_fraction=0.01"
    ):
        check_faults(raw, faults, dataset, inspect_dir())
    dataset.max_bad_fraction = 0.3
    check_faults(raw, faults, dataset, inspect_dir())
    assert "3 of 11 images cannot be read and are in no split" in capsys.readouterr().err
    check_faults(raw, {10: "damage"}, dataset, inspect_dir())
    assert "class 'dog' is left out" in capsys.readouterr().err
    dataset.max_bad_fraction = 1
    with pytest.raises(SpoonfulError, match="11 of 11 images"):
        check_faults(raw, dict.fromkeys(range(11), "damage"), dataset, inspect_dir())
    check_faults(raw, {}, dataset, inspect_dir())
    assert capsys.readouterr().err == ""
