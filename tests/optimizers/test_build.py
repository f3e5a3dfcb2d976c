from typing import Any

import keras
import numpy as np
import pytest

from spoonful.config.compose import compose_config
from spoonful.optimizers.build import build_optimizer, peak_learning_rate


def built(*overrides: str) -> Any:
    return build_optimizer(compose_config(list(overrides)).optimizer, 10, 20, 32)


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
