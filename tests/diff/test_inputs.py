"""What two runs were made from, and what of it differs."""

from collections.abc import Callable

import pytest

from spoonful.diff.finding import Finding, Status
from spoonful.diff.inputs import input_findings, notes_on
from spoonful.diff.recorded_run import RecordedRun

Runs = Callable[..., RecordedRun]
NO_DIGESTS = {"digest.data": None, "digest.split": None}


def found(a: RecordedRun, b: RecordedRun) -> dict[str, Finding]:
    return {finding.aspect: finding for finding in input_findings(a, b)}


def noted(a: RecordedRun, b: RecordedRun) -> dict[str, str]:
    return {finding.aspect: finding.detail for finding in notes_on(a, b)}


def test_equal_runs_have_equal_inputs_and_no_notes(run_of: Runs) -> None:
    findings = found(run_of(), run_of())
    assert list(findings) == ["data", "split", "config", "code", "versions"]
    assert {finding.status for finding in findings.values()} == {Status.SAME}
    assert findings["data"].detail == "8b585a055a4e0713"
    assert findings["code"].detail == "commit c59e2bf (clean)"
    assert noted(run_of(), run_of()) == {}


@pytest.mark.parametrize(
    ("tags", "aspect", "detail"),
    [
        ({"digest.data": "00ff"}, "data", "8b585a055a4e0713 | 00ff"),
        ({"digest.split": "00ff"}, "split", "9602aeb5e75e3a15 | 00ff"),
        ({"git.commit": "d" * 40}, "code", "commit c59e2bf (clean) | ddddddd (clean)"),
        (
            {"resumed.git.commit": "d" * 40},
            "code",
            "commit c59e2bf (clean) | c59e2bf, resumed at ddddddd (clean)",
        ),
        ({"version.python": "3.12.1"}, "versions", "python 3.11.7 | 3.12.1"),
        ({"requirements_lock": "17" * 32}, "versions", "requirements.lock 161616161616 | 171717"),
        ({"resumed.version.keras": "3.16.0"}, "versions", "keras 3.15.1 | 3.15.1, resumed 3.16.0"),
        ({"fingerprint.train": "00" * 32}, "data", "what was read of them is not: fingerprint.tra"),
    ],
)
def test_a_tag_that_differs_is_named_with_both_values(
    run_of: Runs, tags: dict[str, str], aspect: str, detail: str
) -> None:
    findings = found(run_of(), run_of(tags=tags))
    assert findings[aspect].status is Status.DIFFERENT
    assert detail in findings[aspect].detail
    others = {finding.status for name, finding in findings.items() if name != aspect}
    assert others == {Status.SAME}


def test_another_split_alone_is_no_other_data(run_of: Runs) -> None:
    other = run_of(tags={"digest.split": "00ff", "fingerprint.train": "00" * 32})
    assert found(run_of(), other)["data"].status is Status.SAME


def test_fingerprints_stand_in_for_digests_that_an_old_run_lacks(run_of: Runs) -> None:
    old = run_of(tags=NO_DIGESTS)
    assert found(old, run_of())["data"].status is Status.SAME
    assert found(old, run_of())["split"].status is Status.SAME
    other = found(run_of(tags={**NO_DIGESTS, "fingerprint.val": "00" * 32}), run_of())
    assert other["data"].status is other["split"].status is Status.UNKNOWN
    assert "in A" in other["data"].detail


def test_config_names_each_key_that_decides_the_weights(run_of: Runs) -> None:
    other = run_of(("generator.batch_size=64", "optimizer.learning_rate=0.01"))
    finding = found(run_of(), other)["config"]
    assert finding.status is Status.DIFFERENT
    assert finding.detail == "generator.batch_size 32 | 64, optimizer.learning_rate 0.001 | 0.01"


@pytest.mark.parametrize(
    "override",
    [
        "generator.num_threads=0",
        "trainer.resume=auto",
        "trainer.checkpoint_every_steps=10",
        "evaluation.top_k=1",
        "tracking.experiment_name=other",
        "pack.shard_mb=1",
    ],
)
def test_what_changes_no_bit_is_no_difference_but_said(run_of: Runs, override: str) -> None:
    other = run_of((override,))
    assert found(run_of(), other)["config"].status is Status.SAME
    name, _, value = override.partition("=")
    words = noted(run_of(), other)["no effect"]
    assert words.startswith(f"{name} ")
    assert words.endswith(f" | {value}")


def test_a_config_of_an_earlier_version_lacks_keys_and_is_compared(run_of: Runs) -> None:
    old = run_of()
    assert old.config is not None
    del old.config["trainer"]["resume"], old.config["trainer"]["deterministic"]
    finding = found(old, run_of())["config"]
    assert finding.detail == "trainer.deterministic absent | True"


def test_a_config_that_is_gone_is_unknown(run_of: Runs) -> None:
    finding = found(run_of(), run_of(config=None))["config"]
    assert finding.status is Status.UNKNOWN
    assert finding.detail.endswith("of B")


@pytest.mark.parametrize("tag", ["git.dirty", "resumed.git.dirty"])
def test_of_files_that_differed_from_the_commit_nothing_can_be_told(run_of: Runs, tag: str) -> None:
    dirty = run_of(tags={tag: "true"})
    for pair, names in (((run_of(), dirty), "in B"), ((dirty, dirty), "in A and B")):
        finding = found(*pair)["code"]
        assert finding.status is Status.UNKNOWN
        assert f"{names}: it cannot be told" in finding.detail


def test_code_outside_of_git_is_unknown(run_of: Runs) -> None:
    finding = found(run_of(tags={"git.commit": "none", "git.dirty": "none"}), run_of())["code"]
    assert finding.status is Status.UNKNOWN


def test_packages_that_differ_are_named_and_those_beyond_eight_counted(run_of: Runs) -> None:
    a = run_of(packages={f"package{n:02d}": "1" for n in range(11)})
    b = run_of(packages={f"package{n:02d}": "2" for n in range(1, 11)})
    detail = found(a, b)["versions"].detail
    assert detail.startswith("package00 1 | absent, package01 1 | 2, ")
    assert detail.endswith(" and 3 more")


def test_without_a_list_of_packages_the_named_versions_are_compared(run_of: Runs) -> None:
    assert found(run_of(packages=None), run_of())["versions"].status is Status.SAME
    other = run_of(packages=None, tags={"version.keras": "3.16.0"})
    assert found(run_of(), other)["versions"].detail == "keras 3.15.1 | 3.16.0"


def test_other_hardware_is_a_note(run_of: Runs) -> None:
    other = run_of(tags={"hardware.cpu": "Another", "hardware.memory_gb": "11.0"})
    assert noted(run_of(), other) == {"hardware": "cpu A processor | Another"}
    assert {f.status for f in found(run_of(), other).values()} == {Status.SAME}
    resumed = run_of(tags={"resumed.hardware.num_cores": "4"})
    assert noted(run_of(), resumed) == {"hardware": "num_cores 2 | 2, resumed 4"}


def test_data_that_a_run_went_on_with_are_told_and_make_a_difference(run_of: Runs) -> None:
    tags = {"changed_data.steps": "103", "changed_data.fingerprint.train": "ab" * 32}
    a, b = run_of(), run_of(tags=tags)
    assert found(a, b)["data"].status is Status.DIFFERENT
    words = "B continued with changed data at step 103 (fingerprint.train abababababab, then 7d7d7d"
    assert words in noted(a, b)["changed data"]
    assert found(b, b)["data"].status is Status.SAME


def test_each_change_of_the_data_says_which_split_changed_at_which_step(run_of: Runs) -> None:
    tags = {
        "changed_data.steps": "34, 55",
        "changed_data.fingerprint.train": f"{'ab' * 32}, {'7d' * 32}",
        "changed_data.fingerprint.val": f"{'cd' * 32}, {'cd' * 32}",
    }
    words = (
        "B continued with changed data at step 34 (fingerprint.train abababababab, then "
        "7d7d7d7d7d7d) and at step 55 (fingerprint.val cdcdcdcdcdcd, then f5f5f5f5f5f5)"
    )
    assert noted(run_of(), run_of(tags=tags))["changed data"] == words
