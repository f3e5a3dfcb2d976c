"""The rise, the cosine and their end."""

import math
from typing import Any

import keras
import pytest
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st

from spoonful.config.compose import compose_config
from spoonful.errors import SpoonfulError
from spoonful.optimizers.adam import Adam
from spoonful.optimizers.build import build_optimizer
from spoonful.optimizers.warmup_cosine import WarmupCosine

WARMUP = ["optimizer/schedule=warmup_cosine"]


def built(*overrides: str, epochs: int = 10, steps_per_epoch: int = 20) -> Any:
    return build_optimizer(compose_config(list(overrides)).optimizer, epochs, steps_per_epoch, 32)


def rate_at(optimizer: Any, step: int) -> float:
    schedule = optimizer._learning_rate
    assert isinstance(schedule, keras.optimizers.schedules.LearningRateSchedule)
    return float(schedule(step))


@pytest.mark.parametrize("name", ["adam", "adamw", "sgd"])
def test_the_schedule_rises_to_the_peak_and_falls_to_its_end(name: str) -> None:
    optimizer = built(
        f"optimizer={name}",
        *WARMUP,
        "optimizer.learning_rate=0.4",
        "optimizer.schedule.warmup_epochs=2",
        "optimizer.schedule.final_fraction=0.1",
    )
    assert rate_at(optimizer, 0) == 0.0
    assert rate_at(optimizer, 10) == pytest.approx(0.1)
    assert rate_at(optimizer, 40) == pytest.approx(0.4)
    half_way = 40 + 160 // 2
    assert rate_at(optimizer, half_way) == pytest.approx(0.4 * (0.1 + 0.9 / 2))
    assert rate_at(optimizer, 200) == pytest.approx(0.04)
    assert rate_at(optimizer, 999) == pytest.approx(0.04)


@limits(max_examples=30, deadline=None)
@given(
    peak=st.floats(1e-4, 10),
    warmup_epochs=st.floats(0, 4.9),
    final_fraction=st.floats(0, 1),
    share=st.floats(0, 1),
)
def test_every_step_of_the_schedule_is_its_formula(
    peak: float, warmup_epochs: float, final_fraction: float, share: float
) -> None:
    adam = Adam(
        learning_rate=peak,
        schedule=WarmupCosine(warmup_epochs, final_fraction),
        learning_rate_scaling="none",
        base_batch_size=32,
        beta_1=0.9,
        beta_2=0.999,
    )
    optimizer = build_optimizer(adam, epochs=5, steps_per_epoch=8, batch_size=32)
    warmup_steps, total_steps = round(warmup_epochs * 8), 5 * 8
    step = round(share * total_steps)
    if step < warmup_steps:
        expected = peak * step / warmup_steps
    else:
        progress = (step - warmup_steps) / (total_steps - warmup_steps)
        cosine = (1 + math.cos(math.pi * progress)) / 2
        expected = peak * (final_fraction + (1 - final_fraction) * cosine)
    assert rate_at(optimizer, step) == pytest.approx(expected, rel=1e-4, abs=peak * 1e-6)


def test_without_a_warm_up_the_cosine_begins_at_the_peak() -> None:
    optimizer = built(*WARMUP, "optimizer.schedule.warmup_epochs=0")
    assert rate_at(optimizer, 0) == pytest.approx(0.001)
    assert rate_at(optimizer, 200) == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize(("warmup_epochs", "epochs"), [(1, 1), (3, 2), (0.99, 1)])
def test_a_warm_up_as_long_as_the_training_is_refused(warmup_epochs: float, epochs: int) -> None:
    with pytest.raises(SpoonfulError) as caught:
        built(*WARMUP, f"optimizer.schedule.warmup_epochs={warmup_epochs}", epochs=epochs)
    assert f"warmup_epochs={float(warmup_epochs)}" in str(caught.value)
    assert f"training of {epochs} epochs" in str(caught.value)
    assert "\n" not in str(caught.value)
