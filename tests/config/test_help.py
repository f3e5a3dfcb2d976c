import dataclasses
import itertools
from typing import Any

import pytest

from spoonful.commands import STAGES
from spoonful.config.compose import compose_config
from spoonful.config.help import stage_help
from spoonful.config.schema import GROUPS


def help_of(name: str, *overrides: str) -> str:
    return stage_help(name, STAGES[name], list(overrides))


def _key_lines(section: Any, prefix: str) -> list[str]:
    lines = []
    if not dataclasses.is_dataclass(section):
        return [f"  {prefix}="]
    for field in dataclasses.fields(section):
        lines += _key_lines(getattr(section, field.name), f"{prefix}.{field.name}")
    return lines


@pytest.mark.parametrize("name", STAGES)
def test_every_key_that_a_stage_reads_is_explained(name: str) -> None:
    config = compose_config([])
    text = help_of(name)
    lines = text.splitlines()
    assert text.startswith(f"usage: spoonful {name} ")
    assert STAGES[name].summary in lines
    for group in STAGES[name].groups:
        if group == "seed":
            assert "  seed=0" in lines
            continue
        section = getattr(config, group)
        for wanted in _key_lines(section, group):
            assert [line for line in lines if line.startswith(wanted)], wanted
    left_out = set(GROUPS) - set(STAGES[name].groups)
    assert not [line for line in lines if line.strip().startswith(tuple(f"{g}." for g in left_out))]


def test_each_key_is_followed_by_its_meaning_its_unit_and_its_limits() -> None:
    lines = help_of("train").splitlines()
    after = dict(itertools.pairwise(lines))
    assert after["  generator.batch_size=32"].strip() == "images per step [>= 1]"
    assert "[> 0]" in after["  optimizer.learning_rate=0.001"]
    assert "in px" in after["  dataset.image_size=[8, 8]"]
    assert "seconds" in after["  tracking.system_metrics_interval_s=5.0"]
    shuffles = "auto, none, full, block, buffer, balanced, custom"
    assert f"[one of {shuffles}]" in after["  generator.shuffle=auto"]


def test_values_are_shown_as_the_command_line_takes_them() -> None:
    text = help_of("train")
    shown = [line.strip() for line in text.splitlines() if line.startswith("  ") and "=" in line]
    assert "trainer.deterministic=true" in shown
    assert "trainer.jit_compile=null" in shown
    assert "None" not in text
    assert "True" not in text


def test_the_keys_of_the_chosen_file_are_shown() -> None:
    text = help_of("train", "model=mlp", "optimizer/schedule=warmup_cosine", "seed=4")
    lines = text.splitlines()
    assert "  model.num_units=[256, 128]" in lines
    assert "  optimizer.schedule.warmup_epochs=1.0" in lines
    assert "  seed=4" in lines
    assert "  generator.seed=4" in lines
    assert "model.num_filters" not in text
    assert "Dense layers on the flattened image." in text


def test_every_choice_is_listed() -> None:
    lines = help_of("train").splitlines()
    assert "  model=cnn|mlp|resnet|vgg" in lines
    assert "  dataset=arrays|digits|folder|hf_dataset|manifest|mnist" in lines
    assert "  optimizer/schedule=constant|warmup_cosine" in lines
    assert "  source=folder|packed" in lines
    assert "  task=classification|multilabel|regression" in lines
    assert [line for line in lines if line.startswith("  experiment=") and "article_mnist" in line]


def test_a_flag_is_explained_where_it_is_taken() -> None:
    lines = help_of("pack").splitlines()
    assert lines[0].startswith("usage: spoonful pack [--cfg] [--verify] ")
    assert [line for line in lines if line.startswith("--verify            check every byte")]
    assert "--multirun" not in help_of("pack")
    assert "--verify" not in help_of("train")
    assert "--multirun " in help_of("train")


def test_no_line_of_the_help_is_too_wide_to_read() -> None:
    for name in STAGES:
        assert max(map(len, help_of(name).splitlines())) <= 130
