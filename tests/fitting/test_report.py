import dataclasses
import math

import numpy as np

from spoonful.fitting.report import EpochReport, epoch_line, peak_rss_mb

REPORT = EpochReport(
    epoch=3,
    num_epochs=20,
    metrics={
        "loss": 0.12345,
        "accuracy": 0.9,
        "val_loss": 0.25,
        "val_accuracy": 0.99999,
        "learning_rate": 0.001,
    },
    train_s=4.0,
    val_s=1.0,
    images_per_s=12345.6,
    input_wait_s=1.0,
    peak_rss_mb=512.0,
    digests={"train": "0123456789abcdef" * 2, "val": "f" * 32},
)


def test_the_line_of_an_epoch_holds_what_a_person_waits_for() -> None:
    assert epoch_line(REPORT) == (
        "epoch  3/20  loss 0.1235  accuracy 0.9000  val_loss 0.2500  val_accuracy 1.0000"
        "  12,346 images/s  left 1:25"
    )


def test_the_time_left_is_that_of_the_remaining_epochs() -> None:
    assert REPORT.left_s == 17 * 5.0
    last = dataclasses.replace(REPORT, epoch=20)
    assert last.left_s == 0.0
    assert epoch_line(last).endswith("  left 0:00")
    slow = dataclasses.replace(REPORT, train_s=3600.0, val_s=0.0)
    assert epoch_line(slow).endswith("  left 1020:00")


def test_a_minute_is_never_sixty_seconds() -> None:
    almost = dataclasses.replace(REPORT, epoch=19, train_s=59.7, val_s=0.0)
    assert epoch_line(almost).endswith("  left 1:00")


def test_a_loss_that_is_no_number_can_be_shown() -> None:
    lost = dataclasses.replace(REPORT, metrics={**REPORT.metrics, "loss": math.nan})
    assert "loss nan" in epoch_line(lost)


def test_what_differs_from_run_to_run_has_units_in_its_names() -> None:
    performance = REPORT.performance()
    assert performance == {
        "images_per_s": 12345.6,
        "epoch_train_s": 4.0,
        "epoch_val_s": 1.0,
        "input_wait_s": 1.0,
        "input_wait_fraction": 0.25,
        "peak_rss_mb": 512.0,
    }
    assert not set(performance) & set(REPORT.metrics)
    assert dataclasses.replace(REPORT, train_s=0.0).performance()["input_wait_fraction"] == 0.0


def test_equal_digests_are_equal_metrics_of_48_bits() -> None:
    metrics = REPORT.digest_metrics()
    assert metrics == {"digest_train": float(0x0123456789AB), "digest_val": float(2**48 - 1)}
    assert not set(metrics) & (set(REPORT.metrics) | set(REPORT.performance()))
    assert dataclasses.replace(REPORT, digests={}).digest_metrics() == {}


def test_the_peak_of_the_resident_memory_is_in_mib_and_only_grows() -> None:
    before = peak_rss_mb()
    block = np.ones(96 * 2**20, np.uint8)  # written to, so resident
    after = peak_rss_mb()
    assert 20 < before < 100_000
    assert after >= before
    del block
    assert peak_rss_mb() >= after
