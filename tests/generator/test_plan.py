"""The plan of the steps is what a generator serves, and needs no Keras."""

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spoonful import ArraySource, BatchGenerator
from spoonful.errors import SpoonfulError
from spoonful.generator.plan import make_plan
from spoonful.order import SHUFFLES

NUM_EXAMPLES = 50


def source() -> ArraySource:
    images = np.zeros((NUM_EXAMPLES, 2, 2, 1), np.uint8)
    return ArraySource(images, np.arange(NUM_EXAMPLES) % 3)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(
    shuffle=st.sampled_from(SHUFFLES),
    batch_size=st.integers(2, 60),
    max_steps=st.none() | st.integers(1, 30),
    step=st.integers(0, 200),
    process_index=st.integers(0, 1),
)
def test_a_plan_has_the_examples_of_the_generator(
    shuffle: str, batch_size: int, max_steps: int | None, step: int, process_index: int
) -> None:
    settings: dict[str, Any] = {
        "shuffle": shuffle,
        "seed": 4,
        "block_size": 3,
        "buffer_size": 7,
        "max_steps_per_epoch": max_steps,
        "process_index": process_index,
        "process_count": 2,
    }
    if (NUM_EXAMPLES % batch_size or batch_size) < 2:
        settings["drop_remainder"] = True
    plan = make_plan(source(), batch_size, **settings)
    generator = BatchGenerator(source(), batch_size, **settings)
    assert plan.indices(step).tolist() == generator.indices(step).tolist()
    assert plan.steps.per_epoch == len(generator)
    assert plan.shuffle == generator.shuffle


@pytest.mark.parametrize("shuffle", SHUFFLES)
def test_a_short_epoch_is_the_beginning_of_a_whole_one(shuffle: str) -> None:
    whole = make_plan(source(), 8, shuffle=shuffle, seed=4)
    short = make_plan(source(), 8, shuffle=shuffle, seed=4, max_steps_per_epoch=3)
    for epoch in range(4):
        for number in range(3):
            expected = whole.indices(epoch * 7 + number).tolist()
            assert short.indices(epoch * 3 + number).tolist() == expected


def test_the_own_order_is_planned() -> None:
    plan = make_plan(source(), 8, order=lambda epoch, start, stop: 49 - np.arange(start, stop))
    assert plan.shuffle == "custom"
    assert plan.indices(8).tolist() == [41, 40, 39, 38, 37, 36, 35, 34]


@pytest.mark.parametrize("step", [-1, 0.5, True])
def test_a_wrong_step_is_named(step: int) -> None:
    with pytest.raises(SpoonfulError, match=r"^step=.*: expected a whole number from 0 on"):
        make_plan(source(), 8).indices(step)


def test_a_plan_is_made_without_keras() -> None:
    code = (
        "import sys, numpy as np\n"
        "from spoonful.generator.plan import make_plan\n"
        "from spoonful.sources.array import ArraySource\n"
        "import spoonful.fitting.planning\n"
        "plan = make_plan(ArraySource(np.zeros((9, 2, 2), np.uint8), np.zeros(9, int)), 4)\n"
        "print(len(plan.indices(5)))\n"
        "print([name for name in ('keras', 'tensorflow', 'mlflow') if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "1\n[]\n"
