import dataclasses
import math

from spoonful.fitting.epoch_result import EpochResult, epoch_line

REPORT = EpochResult(
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
    reading_threads=2,
    peak_rss_mb=512.0,
    digests={"train": "0123456789abcdef" * 2, "val": "f" * 32},
    shuffle={"shuffle_displacement": 0.9, "shuffle_class_chi2": 1.1},
    images_seen=300,
    train_time_s=13.0,
)


def test_the_line_of_an_epoch_holds_what_a_person_waits_for() -> None:
    assert epoch_line(REPORT, "accuracy") == (
        "epoch  3/20  loss 0.1235  accuracy 0.9000  val_loss 0.2500  val_accuracy 1.0000"
        "  12,346 images/s  left 1:25"
    )


def test_the_line_shows_the_score_of_the_task() -> None:
    metrics = {"loss": 0.5, "mean_absolute_error": 0.2, "mine": 7.0}
    metrics |= {f"val_{name}": value / 2 for name, value in metrics.items()}
    line = epoch_line(dataclasses.replace(REPORT, metrics=metrics), "mean_absolute_error")
    assert line.startswith(
        "epoch  3/20  loss 0.5000  mean_absolute_error 0.2000"
        "  val_loss 0.2500  val_mean_absolute_error 0.1000  12,346"
    )
    assert "mine" not in line


def test_the_time_left_is_that_of_the_remaining_epochs() -> None:
    last = dataclasses.replace(REPORT, epoch=20)
    assert epoch_line(last, "accuracy").endswith("  left 0:00")
    slow = dataclasses.replace(REPORT, train_s=3600.0, val_s=0.0)
    assert epoch_line(slow, "accuracy").endswith("  left 1020:00")


def test_a_minute_is_never_sixty_seconds() -> None:
    almost = dataclasses.replace(REPORT, epoch=19, train_s=59.7, val_s=0.0)
    assert epoch_line(almost, "accuracy").endswith("  left 1:00")


def test_a_loss_that_is_no_number_can_be_shown() -> None:
    lost = dataclasses.replace(REPORT, metrics={**REPORT.metrics, "loss": math.nan})
    assert "loss nan" in epoch_line(lost, "accuracy")


def test_all_that_is_recorded_of_an_epoch_has_a_name_of_its_own() -> None:
    parts = [
        REPORT.metrics,
        {
            "images_per_s": 12345.6,
            "epoch_train_s": 4.0,
            "epoch_val_s": 1.0,
            "train_time_s": 13.0,
            "input_wait_s": 1.0,
            "input_wait_fraction": 0.25,
            "reading_threads": 2.0,
            "peak_rss_mb": 512.0,
        },
        {"digest_train": float(0x0123456789AB), "digest_val": float(2**48 - 1)},
        REPORT.shuffle,
        {"images_seen": 300.0},
    ]
    tracked = REPORT.tracked_metrics()
    assert tracked == {k: v for part in parts for k, v in part.items()}
    assert len(tracked) == sum(map(len, parts))
    assert all(type(value) is float for value in tracked.values())


def test_an_epoch_without_time_or_digests_can_be_recorded() -> None:
    tracked = dataclasses.replace(REPORT, train_s=0.0, digests={}).tracked_metrics()
    assert tracked["input_wait_fraction"] == 0.0
    assert not [name for name in tracked if name.startswith("digest_")]
