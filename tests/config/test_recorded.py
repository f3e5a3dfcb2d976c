"""A recorded config is read back as it was, also by a later version."""

import pytest
from omegaconf import OmegaConf

from spoonful.config.compose import compose_config
from spoonful.config.recorded import recorded_config, settings_from_yaml
from spoonful.config.settings import learning_part, learning_settings, name_of, settings_of
from spoonful.errors import SpoonfulError

OVERRIDES = [
    "model=mlp",
    "generator.batch_size=64",
    "optimizer.learning_rate=1e-05",
    "tracking.run_name=2026-11-23",
    "+tracking.tags.answer=yes",
]


def test_a_config_comes_back_as_it_was_recorded() -> None:
    config = compose_config(OVERRIDES)
    settings = settings_from_yaml(OmegaConf.to_yaml(settings_of(config)))
    assert settings == settings_of(config)
    assert recorded_config(settings, compose_config([])) == config


def test_keys_that_were_not_there_yet_are_those_of_now() -> None:
    settings = settings_of(compose_config(["model=resnet", "dataset.image_size=[32,32]"]))
    del settings["trainer"]["resume"], settings["generator"]["read_timeout_s"]
    present = compose_config(["generator.read_timeout_s=7", "trainer.epochs=3"])
    config = recorded_config(settings, present)
    assert config.generator.read_timeout_s == 7
    assert config.trainer.epochs == 20
    assert name_of(config.model) == "resnet"


def test_a_key_that_is_not_known_any_more_is_named() -> None:
    settings = settings_of(compose_config([]))
    settings["trainer"]["magic"] = 1
    with pytest.raises(SpoonfulError, match=r"trainer\.magic"):
        recorded_config(settings, compose_config([]))


@pytest.mark.parametrize("text", ["a: [", "- 1", "1: 2"])
def test_what_is_no_config_is_refused(text: str) -> None:
    with pytest.raises((ValueError, TypeError)):
        settings_from_yaml(text)


def test_what_decides_the_weights_is_told_of_a_recorded_config_too() -> None:
    for overrides in ([], ["source=folder"], ["dataset=mnist", "pack=jpeg"]):
        config = compose_config(overrides)
        assert learning_part(settings_of(config)) == learning_settings(config)
    assert learning_part({"seed": 0, "tracking": {}}) == {"seed": 0}
