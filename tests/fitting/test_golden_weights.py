"""The initial weights of each model: they depend on the order in which layers are made."""

import keras
import numpy as np
import pytest
import xxhash

from spoonful import ArraySource
from spoonful.config.compose import compose_config
from spoonful.fitting.modes import set_modes
from spoonful.fitting.train import compiled_model

SOURCE = ArraySource(np.zeros((10, 32, 32, 1), np.uint8), np.arange(10), tuple("0123456789"))
AUGMENTATION = (
    "trainer.augmentation=[{_target_: keras.layers.RandomTranslation, height_factor: 0.1,"
    "width_factor: 0.1}]"
)
DIGESTS = {
    "cnn": "12740bceb6fce109",
    "mlp": "f1e268e263444d93",
    "resnet": "ba9fa482123aae6d",
    "vgg": "cffca3c6d5d272f7",
}


def digest_of(model: keras.Model) -> str:
    digest = xxhash.xxh3_64()
    for variable in model.variables:
        digest.update(np.ascontiguousarray(variable).tobytes())
    return digest.hexdigest()


@pytest.mark.parametrize("name", DIGESTS)
def test_a_seed_gives_the_same_initial_weights_as_in_earlier_versions(name: str) -> None:
    config = compose_config([f"model={name}", AUGMENTATION])
    set_modes("float32", 0, True)
    assert digest_of(compiled_model(config, SOURCE, 1)) == DIGESTS[name]
