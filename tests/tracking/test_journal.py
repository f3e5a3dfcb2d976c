"""What waits for a tracking server is sent as it was written, or said to be damaged."""

import resource
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient

from spoonful.config.compose import compose_config
from spoonful.config.schema import TrackingConfig
from spoonful.errors import SpoonfulError
from spoonful.tracking.beginning import begin_run
from spoonful.tracking.journal import new_journal, opened
from spoonful.tracking.outlets import Later
from spoonful.tracking.recording import TrackedRun
from spoonful.tracking.store import named_address, prepare_store
from spoonful.tracking.sync import send_journals, settle

pytestmark = pytest.mark.usefixtures("in_project")
ABOUT = {"kind": "about", "store": "null", "run_id": "ab"}


def left(lines: str = "") -> Path:
    """A journal that a process left, of two entries; with other lines where they are given."""
    journal = new_journal("a", ABOUT)
    journal.append({"kind": "tags", "tags": {"a": "b", "c": "ä"}})
    journal.close()
    if lines:
        (journal.path / "entries.jsonl").write_text(lines)
    return journal.path


def test_each_flipped_bit_and_each_lost_byte_is_noticed() -> None:
    path = left() / "entries.jsonl"
    content = path.read_bytes()
    with opened(path.parent) as journal:
        assert journal is not None
        whole = journal.entries()
    for place in range(len(content)):
        flipped = bytearray(content)
        flipped[place] ^= 1 << place % 8
        for other in (bytes(flipped), content[:place] + content[place + 1 :]):
            path.write_bytes(other)
            if place == len(content) - 1 and other == content[:-1]:
                with opened(path.parent) as journal:
                    assert journal is not None
                    assert journal.entries() == whole
                continue
            if place == len(content) - 1:
                continue  # a last line without its end: killed while it was written
            with pytest.raises(SpoonfulError) as caught, opened(path.parent):
                pass
            assert str(caught.value).startswith(f"{path}: expected ")
            assert "\n" not in str(caught.value)


def test_an_entry_that_finds_no_room_leaves_no_half_line() -> None:
    journal = new_journal("run", {"kind": "about"})
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200, limits[1]))
    try:
        with pytest.raises(OSError, match=r"File too large: .*entries.jsonl"):
            journal.append({"kind": "tags", "tags": {"long": "x" * 200}})
        journal.append({"kind": "status"})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert journal.entries() == [{"kind": "about"}, {"kind": "status"}]
    journal.close()


@pytest.mark.parametrize("line", ["{", "[]", "1", "{}", '{"kind": 3}', "nonsense"])
def test_what_is_no_entry_is_one_line(line: str) -> None:
    path = left(f"{line}\n")
    with pytest.raises(SpoonfulError, match=r"entries\.jsonl: expected .*, found "), opened(path):
        pass


def sent_once(client: MlflowClient, run_id: str) -> bool:
    return [m.value for m in client.get_metric_history(run_id, "loss")] == [0.5, 0.25]


@pytest.fixture
def unsent(project: Path) -> tuple[TrackingConfig, MlflowClient, str, Path]:
    """A run whose journal was left; and a journal of another that cannot be read, before it."""
    config = compose_config([]).tracking
    client = MlflowClient(prepare_store(config))
    noted, run = begin_run(config, client, "unsent", {}, "")
    run_id = run.info.run_id
    left("nonsense\n")
    journal = new_journal(run_id, {**ABOUT, "store": named_address(config), "run_id": run_id})
    tracked = TrackedRun(run_id, Later(journal, "the server is away"))
    tracked.log_metrics({"loss": 0.5}, step=1)
    tracked.log_text("a text", "a.txt")
    tracked.log_metrics({"loss": 0.25}, step=2)
    journal.close()
    noted.close()
    return config, client, run_id, journal.path


def test_a_damaged_journal_is_said_and_keeps_no_other_from_being_sent(
    unsent: tuple[TrackingConfig, MlflowClient, str, Path],
) -> None:
    config, client, run_id, path = unsent
    said: list[str] = []
    settle(config, said.append)
    assert sent_once(client, run_id)
    assert [text[:9] for text in said] == ["sent to n", "not sent:"]
    assert "entries.jsonl: expected line 1 with the SHA-256 'nonsense'" in said[1]
    assert not path.exists()


def test_where_it_is_not_known_how_much_was_sent_nothing_is_sent_twice(
    unsent: tuple[TrackingConfig, MlflowClient, str, Path],
) -> None:
    config, client, run_id, path = unsent
    with opened(path) as journal:
        assert journal is not None
        numbers = [journal.num_sent]
        journal.note_sent(3)
        numbers.append(journal.num_sent)
        (path / "num_sent").write_text((path / "num_sent").read_text().replace("3", "4", 1))
        assert [*numbers, journal.num_sent] == [0, 3, None]
    client.log_metric(run_id, "loss", 0.5, timestamp=first_time(path), step=1)
    (path / "file-000001" / "a.txt").unlink()  # it was sent
    assert send_journals(config).sent == [f"run {run_id}"]
    assert sent_once(client, run_id)


def first_time(path: Path) -> int:
    with opened(path) as journal:
        assert journal is not None
        return int(journal.entries()[1]["time_ms"])


def test_a_damaged_file_of_a_journal_is_not_sent(
    unsent: tuple[TrackingConfig, MlflowClient, str, Path],
) -> None:
    config, client, run_id, path = unsent
    (path / "file-000001" / "a.txt").write_text("a test")
    kept = send_journals(config).kept
    assert any("a.txt: expected SHA-256 " in reason for reason in kept.values())
    assert client.list_artifacts(run_id) == []
