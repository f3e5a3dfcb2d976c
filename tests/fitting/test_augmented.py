"""What a preview shows of a step is what training's augmentation gave the model, to the bit."""

import numpy as np
import pytest

from spoonful import ArraySource
from spoonful.config.compose import compose_config
from spoonful.config.schema import Config
from spoonful.fitting.augmented import Augmented, augmented
from spoonful.fitting.train import train, training_generator
from tests.fitting import recorder

LAYERS = (
    "{_target_: keras.layers.RandomFlip, mode: horizontal},"
    "{_target_: keras.layers.RandomTranslation, height_factor: 0.2, width_factor: 0.2},"
    "{_target_: keras.layers.RandomBrightness, factor: 0.2}"
)
RECORDED = f"trainer.augmentation=[{LAYERS},{{_target_: tests.fitting.recorder.Recorder}}]"
ELSEWHERE = f"trainer.augmentation=[{LAYERS},{{_target_: tests.fitting.recorder.FromElsewhere}}]"


def source() -> ArraySource:
    images = np.random.default_rng(0).integers(0, 256, (50, 8, 8, 3), dtype=np.uint8)
    return ArraySource(images, np.arange(50) % 3)


def config_of(*overrides: str) -> Config:
    settings = ["model=mlp", "model.num_units=[4]", "trainer.epochs=3"]
    generator = ["generator.batch_size=16", "generator.shuffle=full"]
    return compose_config([*settings, *generator, *overrides])


def seen_at(config: Config, step: int) -> Augmented | None:
    return augmented(config, training_generator(config, source()), step)


@pytest.mark.slow
@pytest.mark.parametrize(
    "more",
    [
        ("trainer.steps_per_execution=1", "model.dropout_rate=0.5"),
        ("trainer.max_steps_per_epoch=3", "generator.dtype=float32", "seed=5"),
        ("trainer.precision=mixed_float16", "generator.shuffle=block"),
    ],
    ids=str,
)
def test_the_images_of_a_step_are_those_that_training_saw(more: tuple[str, ...]) -> None:
    config = config_of(RECORDED, *more)
    recorder.SEEN.clear()
    train(config, source(), source(), lambda result: None)
    seen = list(recorder.SEEN)
    per_epoch = len(training_generator(config, source()))
    assert len(seen) == 3 * per_epoch
    for step in (0, 1, per_epoch, 2 * per_epoch + 2):
        found = seen_at(config, step)
        assert found is not None
        assert found.is_of_step
        assert np.array_equal(found.images, seen[step])
        raw, _ = training_generator(config, source()).batch(step)
        assert found.images.shape == raw.shape
    assert not np.array_equal(seen[0], seen[per_epoch])


def test_random_numbers_from_elsewhere_are_only_an_example() -> None:
    found = seen_at(config_of(ELSEWHERE), 3)
    assert found is not None
    assert not found.is_of_step


def test_without_augmentation_there_is_nothing_to_show() -> None:
    assert seen_at(config_of(), 3) is None
