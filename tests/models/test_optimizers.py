import math
from typing import Any

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st
from spoonful.config.optimizer_schema import AdamConfig, WarmupCosineConfig
from spoonful.models.optimizers import build_optimizer, peak_learning_rate

from spoonful.config.compose import compose_config
from spoonful.errors import SpoonfulError

WARMUP = ["optimizer/schedule=warmup_cosine"]


def built(*overrides: str, epochs: int = 10, steps_per_epoch: int = 20) -> Any:
    return build_optimizer(compose_config(list(overrides)).optimizer, epochs, steps_per_epoch, 32)


def rate_at(optimizer: Any, step: int) -> float:
    schedule = optimizer._learning_rate
    assert isinstance(schedule, keras.optimizers.schedules.LearningRateSchedule)
    return float(schedule(step))


@pytest.mark.parametrize(
    ("overrides", "kind", "expected"),
    [
        (
            ["optimizer=adam", "optimizer.learning_rate=0.3", "optimizer.beta_1=0.5"],
            keras.optimizers.Adam,
            {"learning_rate": 0.3, "beta_1": 0.5, "beta_2": 0.999, "weight_decay": None},
        ),
        (
            ["optimizer=adamw", "optimizer.weight_decay=0.2", "optimizer.beta_2=0.9"],
            keras.optimizers.AdamW,
            {"learning_rate": 0.001, "beta_1": 0.9, "beta_2": 0.9, "weight_decay": 0.2},
        ),
        (
            ["optimizer=sgd", "optimizer.momentum=0.7", "optimizer.nesterov=true"],
            keras.optimizers.SGD,
            {"learning_rate": 0.01, "momentum": 0.7, "nesterov": True},
        ),
        (
            ["optimizer=sgd", "optimizer.momentum=0"],
            keras.optimizers.SGD,
            {"momentum": 0.0, "nesterov": False},
        ),
    ],
)
def test_every_setting_reaches_the_optimizer(
    overrides: list[str], kind: type, expected: dict[str, Any]
) -> None:
    optimizer = built(*overrides)
    config = optimizer.get_config()
    assert type(optimizer) is kind
    found = {name: config[name] for name in expected}
    assert found == pytest.approx(expected)


def test_weight_decay_shrinks_weights_without_any_gradient() -> None:
    variable = keras.Variable(np.ones(3, np.float32))
    settings = ("optimizer.weight_decay=0.5", "optimizer.learning_rate=0.1")
    optimizer = built("optimizer=adamw", *settings)
    optimizer.build([variable])
    optimizer.apply([keras.ops.zeros(3)], [variable])
    np.testing.assert_allclose(np.asarray(variable), 1 - 0.5 * 0.1, rtol=1e-6)


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
    schedule = WarmupCosineConfig("warmup_cosine", warmup_epochs, final_fraction)
    config = AdamConfig("adam", peak, 0.9, 0.999, schedule, "none", 32)
    optimizer = build_optimizer(config, epochs=5, steps_per_epoch=8, batch_size=32)
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


def test_a_constant_rate_is_no_schedule() -> None:
    optimizer = built("optimizer.learning_rate=0.02")
    assert not isinstance(optimizer._learning_rate, keras.optimizers.schedules.LearningRateSchedule)
    assert float(optimizer.learning_rate) == pytest.approx(0.02)


@pytest.mark.parametrize(
    ("scaling", "batch_size", "rate"),
    [("none", 512, 0.1), ("linear", 512, 0.8), ("sqrt", 256, 0.2), ("linear", 32, 0.05)],
)
def test_the_learning_rate_grows_with_the_batch_as_it_is_told(
    scaling: str, batch_size: int, rate: float
) -> None:
    config = compose_config(
        [
            "optimizer=sgd",
            "optimizer.learning_rate=0.1",
            "optimizer.base_batch_size=64",
            f"optimizer.learning_rate_scaling={scaling}",
        ]
    ).optimizer
    assert peak_learning_rate(config, batch_size) == pytest.approx(rate)
    optimizer = build_optimizer(config, 2, 10, batch_size)
    assert float(optimizer.learning_rate) == pytest.approx(rate)
