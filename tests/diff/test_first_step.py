"""What is said of the first step that differs."""

import dataclasses

from spoonful.diff.first_step import Batch, FirstStep, described

IDS = tuple(f"{number}/{number:05d}.png" for number in range(6))
SAME = FirstStep(107, Batch(2, 8, IDS), Batch(2, 8, IDS), confirms_a=True, confirms_b=True)
WINDOW = "steps 100 to 199 (epoch 2)"


def with_ids(a: tuple[str, ...], b: tuple[str, ...]) -> FirstStep:
    return dataclasses.replace(SAME, a=Batch(2, 8, a), b=Batch(2, 8, b))


def test_four_images_of_each_are_shown() -> None:
    detail, lines = described(with_ids(IDS, IDS[::-1]), WINDOW)
    assert detail == "first at step 107 (epoch 2, batch 8)"
    assert lines == (
        "A  0/00000.png 1/00001.png 2/00002.png 3/00003.png ... (6 images)",
        "B  5/00005.png 4/00004.png 3/00003.png 2/00002.png ... (6 images)",
    )


def test_they_are_shown_from_the_first_that_differs() -> None:
    detail, lines = described(with_ids(IDS, (*IDS[:4], IDS[5], IDS[4])), WINDOW)
    assert detail.endswith("from its image 5 on")
    assert lines == (
        "A  4/00004.png 5/00005.png (6 images)",
        "B  5/00005.png 4/00004.png (6 images)",
    )


def test_a_larger_batch_differs_after_the_smaller_one() -> None:
    detail, lines = described(with_ids(IDS[:2], IDS), WINDOW)
    assert detail.endswith("from its image 3 on")
    assert lines[0] == "A  no more (2 images)"
    assert lines[1].startswith("B  2/00002.png")


def test_other_pixels_of_the_same_images_are_called_so() -> None:
    detail, lines = described(SAME, WINDOW)
    assert "step 107" in detail
    assert "the same 6 images, other pixels or labels" in detail
    assert lines[0].startswith("A, B  0/00000.png")


def test_batches_of_different_epochs_are_placed_each() -> None:
    detail, _ = described(dataclasses.replace(SAME, b=Batch(3, 1, IDS)), WINDOW)
    assert "A epoch 2, batch 8; B epoch 3, batch 1" in detail


def test_a_ledger_that_the_data_do_not_confirm_is_named() -> None:
    _, lines = described(dataclasses.replace(with_ids(IDS, IDS[::-1]), confirms_b=False), WINDOW)
    assert lines[-1].endswith("they confirm the ledger of A, not of B")
    _, lines = described(dataclasses.replace(SAME, confirms_a=False), WINDOW)
    assert lines[-1].endswith("they confirm the ledger of B, not of A")


def test_where_both_are_the_same_here_the_run_that_read_otherwise_is_named() -> None:
    nowhere = dataclasses.replace(SAME, step=None, confirms_b=False)
    detail, lines = described(nowhere, WINDOW)
    assert detail == f"in {WINDOW}"
    assert lines[0].endswith("confirm the ledger of A, not of B")
    assert lines[1].startswith("B read other pixels or labels")
    _, lines = described(dataclasses.replace(nowhere, confirms_a=False), WINDOW)
    assert len(lines) == 1
    assert lines[0].endswith("confirm neither ledger")
