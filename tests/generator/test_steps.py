import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spoonful.errors import SpoonfulError
from spoonful.generator.steps import Steps

PROPERTY = settings(deadline=None, derandomize=True)


@st.composite
def any_steps(draw: st.DrawFn) -> Steps:
    num_examples = draw(st.integers(1, 200))
    batch_size = draw(st.integers(1, num_examples))
    drop_remainder = draw(st.booleans())
    rest = num_examples % batch_size
    smallest = batch_size if drop_remainder or rest == 0 else rest
    process_count = draw(st.integers(1, smallest))
    process_index = draw(st.integers(0, process_count - 1))
    at_most = draw(st.none() | st.integers(1, 200))
    return Steps(num_examples, batch_size, drop_remainder, process_index, process_count, at_most)


@PROPERTY
@given(any_steps(), st.integers(0, 3))
def test_the_steps_of_an_epoch_follow_each_other(steps: Steps, epoch: int) -> None:
    first = epoch * steps.per_epoch
    slices = [steps.positions(first + number) for number in range(steps.per_epoch)]
    assert slices[0][0] == 0
    assert all(before[1] == after[0] for before, after in itertools.pairwise(slices))
    whole = steps.num_examples
    if steps.drop_remainder:
        whole -= whole % steps.batch_size
    if steps.max_per_epoch is not None:
        whole = min(whole, steps.max_per_epoch * steps.batch_size)
    assert slices[-1][1] == steps.examples_per_epoch == whole
    assert steps.epoch_of(first) == (epoch, 0)


@PROPERTY
@given(any_steps())
def test_the_shares_of_all_processes_make_the_step(steps: Steps) -> None:
    for step in range(steps.per_epoch):
        start, stop = steps.positions(step)
        shares = [replace(steps, process_index=i).share(step) for i in range(steps.process_count)]
        together = np.concatenate([np.arange(start, stop)[share] for share in shares])
        assert together.tolist() == list(range(start, stop))
        sizes = [share.stop - share.start for share in shares]
        assert min(sizes) >= 1
        assert max(sizes) - min(sizes) <= 1


@PROPERTY
@given(any_steps(), st.integers(0, 500), st.integers(1, 50))
def test_a_run_has_equal_steps_of_one_epoch(steps: Steps, step: int, at_most: int) -> None:
    run = steps.equal_run(step, at_most)
    assert 1 <= run <= at_most
    taken = [steps.positions(step + i) for i in range(run)]
    assert len({stop - start for start, stop in taken}) == 1
    assert {steps.epoch_of(step + i)[0] for i in range(run)} == {steps.epoch_of(step)[0]}
    after = step + run
    if run < at_most:  # it could not have been longer
        start, stop = steps.positions(after)
        ends = steps.epoch_of(after)[1] == 0
        assert ends or stop - start != taken[0][1] - taken[0][0]


@pytest.mark.parametrize("at_most", [0, -1, 2.0, True, "4"])
def test_a_wrong_number_of_steps_is_named(at_most: int) -> None:
    with pytest.raises(SpoonfulError, match=r"^max_steps_per_epoch=.*: expected a whole number"):
        Steps(10, 2, False, 0, 1, at_most)


@pytest.mark.parametrize("batch_size", [0, -1, 2.0, True, "4"])
def test_a_wrong_batch_size_is_named(batch_size: int) -> None:
    with pytest.raises(SpoonfulError, match=r"^batch_size=.*: expected a whole number from 1 on$"):
        Steps(10, batch_size, False, 0, 1)


def test_a_process_without_an_example_is_refused() -> None:
    with pytest.raises(SpoonfulError, match="smallest batch has 1 examples for 2 processes"):
        Steps(9, 4, False, 0, 2)
    assert Steps(9, 4, True, 0, 2).per_epoch == 2
