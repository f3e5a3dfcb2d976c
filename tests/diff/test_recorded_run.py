"""Which metrics two runs of one training share to the bit."""

import pytest

from spoonful.diff.recorded_run import outcome_metrics

SPEED = ["images_per_s", "train_time_s", "peak_rss_mb", "best_val_loss", "test_accuracy"]


@pytest.mark.parametrize(
    ("names", "kept"),
    [
        (["val_loss", "loss"], ["loss", "val_loss"]),
        (
            ["learning_rate", "val_accuracy", "accuracy", "loss", "val_loss"],
            ["loss", "accuracy", "val_loss", "val_accuracy", "learning_rate"],
        ),
        # Those of any task, and of the user's own.
        (
            ["val_mine", "mine", "mean_absolute_error", "val_mean_absolute_error"],
            ["mean_absolute_error", "mine", "val_mean_absolute_error", "val_mine"],
        ),
        (["loss"], []),
        ([], []),
    ],
)
def test_metrics_of_training_and_validation_are_compared_and_no_speed(
    names: list[str], kept: list[str]
) -> None:
    assert outcome_metrics([*names, *SPEED]) == kept
    assert outcome_metrics([*SPEED, *reversed(names), *names]) == kept
