"""What overrides say, and what is left of a file whose target one of them replaces."""

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from omegaconf import OmegaConf

from spoonful.config.compose import compose_config
from spoonful.config.overrides import is_choice, parsed, quoted, rewritten
from spoonful.config.schema import Config
from spoonful.config.settings import name_of, settings_of
from spoonful.errors import SpoonfulError

LION = "optimizer._target_=keras.optimizers.Lion"
NET = "model._target_=keras.applications.EfficientNetV2B0"


def composed(*overrides: str) -> Config:
    return compose_config(list(overrides))


@pytest.mark.parametrize(
    ("text", "chooses"),
    [
        ("model=mlp", True),
        ("optimizer/schedule=constant", True),
        ("experiment=photos", True),
        ("~callbacks", True),
        ("seed=1", False),
        ("model.num_units=3", False),
        ("+tracking.tags.a=1", False),
        ("model._target_=a.B", False),
    ],
)
def test_a_choice_of_a_file_is_told_from_a_key(text: str, chooses: bool) -> None:
    assert is_choice(parsed(text)) is chooses


@pytest.mark.parametrize(
    ("text", "handed_on"),
    [
        ("seed=1", "++seed=1"),
        ("callbacks.mine={_target_: a.B}", "++callbacks.mine={_target_: a.B}"),
        ("model=mlp", "model=mlp"),
        ("optimizer/schedule=constant", "optimizer/schedule=constant"),
        ("+tracking.tags.a=1", "+tracking.tags.a=1"),
        ("++seed=1", "++seed=1"),
        ("~seed", "~seed"),
        ("hydra.verbose=true", "hydra.verbose=true"),
    ],
)
def test_a_key_may_be_given_that_the_file_does_not_have(text: str, handed_on: str) -> None:
    assert rewritten(parsed(text)) == handed_on


def test_entries_need_no_plus() -> None:
    config = composed(
        "tracking.tags.team=blue", "callbacks.mine._target_=keras.callbacks.TerminateOnNaN"
    )
    assert config.tracking.tags == {"team": "blue"}
    assert name_of(config.callbacks["mine"]) == "keras.callbacks.TerminateOnNaN"


def test_the_keys_of_the_file_are_left_out_where_another_target_is_given() -> None:
    assert settings_of(composed(NET).model) == {
        "_target_": "keras.applications.EfficientNetV2B0",
    }
    with_own = composed(NET, "model.weights=null", "model.pooling=avg").model
    assert with_own.target.arguments == {"weights": None, "pooling": "avg"}
    # Given, although the file has it, too.
    assert composed(NET, "model.num_units=7").model.target.arguments == {"num_units": 7}


def test_the_keys_that_every_optimizer_has_stay() -> None:
    optimizer = composed(LION, "optimizer/schedule=warmup_cosine").optimizer
    assert optimizer.target.arguments == {}
    assert optimizer.learning_rate == 0.001
    assert name_of(optimizer.schedule) == "warmup_cosine"
    other = composed(LION, "optimizer.learning_rate=0.1", "optimizer.beta_1=0.5").optimizer
    assert (other.learning_rate, other.target.arguments) == (0.1, {"beta_1": 0.5})
    assert name_of(other.schedule) == "constant"


def test_a_target_inside_leaves_the_keys_around_it_alone() -> None:
    schedule = "optimizer.schedule._target_=keras.optimizers.schedules.CosineDecay"
    optimizer = composed("optimizer/schedule=warmup_cosine", schedule).optimizer
    assert optimizer.schedule.target.arguments == {}
    assert (optimizer.beta_1, optimizer.learning_rate) == (0.9, 0.001)


def test_the_metrics_of_a_task_stay() -> None:
    metric = "task.metrics.top._target_=keras.metrics.TopKCategoricalAccuracy"
    task = composed("task._target_=spoonful.tasks.multilabel.Multilabel", metric).task
    assert name_of(task) == "multilabel"
    assert list(task.metrics) == ["top"]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("seed=1,2", ("seed=1,2: several values", "--multirun", "key=[a,b]")),
        ("model=mlp,cnn", ("model=mlp,cnn: several values", "--multirun")),
        ("seed=range(3)", ("seed=range(3): several values",)),
        ("modle=mlp", ("unknown key modle", "did you mean model?")),
        ("optimizer/schedul=constant", ("unknown key optimizer/schedul",)),
        ("model@other=mlp", ("unknown key model@other: did you mean model?",)),
        ("model=null", ("model=null: expected one of cnn, mlp, resnet, vgg",)),
        ("task=clasification", ("expected one of classification, multilabel, regression",)),
    ],
)
def test_what_names_no_file_or_several_values_is_refused(text: str, parts: tuple[str, ...]) -> None:
    with pytest.raises(SpoonfulError) as caught:
        composed(text)
    message = str(caught.value)
    assert "\n" not in message
    assert not [part for part in parts if part not in message], message


@given(st.text(st.characters(exclude_categories=["Cs"])))
@example("${seed}")
@example("\\${seed}")
@example("\\\\${seed} \\")
@example('a "b" [c, {d: e')
@example("it's = #1")
def test_any_text_can_be_quoted_for_an_override(text: str) -> None:
    override: Any = parsed(f"tracking.run_name={quoted(text)}")
    assert OmegaConf.create({"name": override.value()}).name == text
