import dataclasses
import math
import pkgutil
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from spoonful.config.check import check_config
from spoonful.config.compose import compose_config
from spoonful.config.fields import allowed
from spoonful.config.schema import Config
from spoonful.config.settings import settings_of
from spoonful.datasets.folder import Folder
from spoonful.errors import SpoonfulError
from spoonful.models.cnn import Cnn
from spoonful.optimizers.adam import Adam
from spoonful.optimizers.warmup_cosine import WarmupCosine
from spoonful.order import MAX_SEED
from spoonful.packing.jpeg import Jpeg

CONF = Path(__file__).resolve().parents[2] / "conf"

# overrides -> what the one line must contain
REFUSED = [
    # unknown keys, with what was meant and what there is
    ("generator.batchsize=64", ("generator.batchsize", "did you mean generator.batch_size?")),
    ("trainer.early_stopping.metrc=loss", ("did you mean trainer.early_stopping.metric?",)),
    ("modle=cnn", ("unknown key modle", "did you mean model?")),
    ("+generator.x=1", ("unknown key generator.x", "batch_size, shuffle, block_size")),
    ("++generator.x=1", ("unknown key generator.x",)),
    ("generator._target_=x", ("unknown key generator._target_", "generator has the keys")),
    ("+foo=1", ("unknown key foo", "dataset, pack, source, generator, model")),
    ("foo=1", ("unknown key foo", "dataset, pack, source, generator, model")),
    ("dataset.path=x", ("unknown key dataset.path", "image_size")),  # a key of another choice
    ("optimizer.schedule.warmup_epochs=2", ("optimizer.schedule.warmup_epochs", "no keys")),
    ("generator@foo=default", ("unknown key generator@foo", "did you mean generator?")),
    # missing keys
    ("~seed", ("seed: the key is missing", "seed=<value>")),
    ("~generator", ("generator: the key is missing",)),
    ("~generator.seed", ("generator.seed: the key is missing",)),
    # types
    ("generator.batch_size=two", ("generator.batch_size=two", "a whole number", ">= 1")),
    ("generator.batch_size=1.5", ("generator.batch_size=1.5", "a whole number")),
    ("generator.batch_size=", ("generator.batch_size=", "a whole number")),
    ("generator.batch_size={a: 1}", ("generator.batch_size", "a whole number")),
    ("generator.one_hot=1", ("generator.one_hot=1", "true or false")),
    ("generator.one_hot=maybe", ("generator.one_hot=maybe", "true or false")),
    ("seed=true", ("seed=True", "a whole number")),
    ("seed=1e3", ("seed=1000.0", "a whole number")),
    ("optimizer.learning_rate=fast", ("optimizer.learning_rate=fast", "a number", "> 0")),
    ("dataset.image_size=28", ("dataset.image_size=28", "a list of whole numbers")),
    ("dataset.image_size=[8,null]", ("dataset.image_size=[8, None]", "a list of whole numbers")),
    ("generator.shuffle=[full]", ("generator.shuffle=['full']", "one of auto, none, full")),
    ("tracking.tags=x", ("tracking.tags=x", "a mapping")),
    ("trainer.jit_compile=auto", ("trainer.jit_compile=auto", "true or false or null")),
    ("trainer.early_stopping=null", ("trainer.early_stopping", "patience_epochs=null")),
    # ranges and choices
    ("generator.batch_size=0", ("generator.batch_size=0", ">= 1")),
    ("seed=-1", ("seed=-1", ">= 0 and <= 4294967295")),
    (f"seed={MAX_SEED + 1}", (f"seed={MAX_SEED + 1}", "<= 4294967295")),
    ("optimizer.learning_rate=0", ("optimizer.learning_rate=0.0", "> 0")),
    ("optimizer.learning_rate=nan", ("optimizer.learning_rate=nan", "a finite number > 0")),
    ("optimizer.learning_rate=inf", ("optimizer.learning_rate=inf", "a finite number > 0")),
    ("seed=nan", ("seed=nan", "a whole number")),
    ("generator.shuffle=maybe", ("generator.shuffle=maybe", "one of auto, none, full")),
    ("generator.dtype=float16", ("generator.dtype=float16", "one of uint8, float32")),
    ("dataset.resize=pad", ("dataset.resize=pad", "one of stretch, fit, crop")),
    ("pack.shard_mb=257", ("pack.shard_mb=257", "<= 256")),
    ("pack.shard_mb=0", ("pack.shard_mb=0", ">= 1")),
    ("pack.num_threads=0", ("pack.num_threads=0", ">= 1", "null")),
    ("pack.quality=90", ("unknown key pack.quality", "shard_mb")),  # a key of pack=jpeg
    ("pack._target_=zip", ("pack._target_=zip", "my_module.MyClass")),
    ("dataset.num_channels=2", ("dataset.num_channels=2", "one of 1, 3")),
    ("dataset.image_size=[28]", ("dataset.image_size=[28]", "2 numbers")),
    ("model.num_filters=[1,0]", ("model.num_filters=[1, 0]", ">= 1")),
    ("model.dropout_rates=[0.1,1]", ("model.dropout_rates", "<= 0.99")),
    ("trainer.early_stopping.patience_epochs=0", ("patience_epochs=0", ">= 1", "null")),
    # null where there must be a value
    ("seed=null", ("seed=null", "a whole number")),
    ("generator.batch_size=null", ("generator.batch_size=null", "a whole number")),
    ("tracking.experiment_name=null", ("tracking.experiment_name=null", "a text")),
    ("tracking.tags=null", ("tracking.tags=null", "a mapping")),
    # interpolations and mandatory values
    ("seed=${nope}", ("seed: no usable value", "'nope' not found")),
    ("seed=${nope:}", ("seed: no usable value", "nope")),
    ("trainer.epochs=${oc.env:SPOONFUL_NOPE}", ("trainer.epochs: no usable", "SPOONFUL_NOPE")),
    ("generator.seed=${generator.seed}", ("generator.seed: no usable value",)),
    ("trainer.epochs=???", ("trainer.epochs: no usable value",)),
    # keys that fit alone, but not together
    ("dataset.image_size=[5,9]", ("dataset.image_size=[5, 9]", "model=cnn", "6x6", "model=mlp")),
    ("trainer.augmentation=[1]", ("trainer.augmentation[0]=1", "keras.layers.")),
    ("trainer.augmentation=[{_target_: os.system}]", ("trainer.augmentation[0]", "os.system")),
    ("optimizer.schedule=warmup_cosine", ("optimizer/schedule=<name>",)),
    ("model._target_=null", ("model._target_=None", "my_module.MyClass")),
    ("trainer.jit_compile=true", ("trainer.jit_compile=true", "trainer.deterministic=false")),
]


@pytest.mark.parametrize(("override", "parts"), REFUSED, ids=[text for text, _ in REFUSED])
def test_a_bad_value_is_refused_in_one_line_with_its_key_and_what_is_allowed(
    override: str, parts: tuple[str, ...]
) -> None:
    with pytest.raises(SpoonfulError) as caught:
        compose_config([override])
    message = str(caught.value)
    assert "\n" not in message
    assert not [part for part in parts if part not in message], message


def test_a_bad_seed_is_named_as_the_user_gave_it() -> None:
    for override in ("seed=-1", "seed=x", "seed=null", "seed=${nope}"):
        with pytest.raises(SpoonfulError) as caught:
            compose_config([override])
        assert str(caught.value).startswith("seed")


def test_fractions_that_leave_no_training_images_are_refused() -> None:
    fits = ["dataset.val_fraction=0.5", "dataset.test_fraction=0.4"]
    assert compose_config(fits).dataset.val_fraction == 0.5
    with pytest.raises(SpoonfulError, match=r"val_fraction=0.5 and dataset.test_fraction=0.5"):
        compose_config(["dataset.val_fraction=0.5", "dataset.test_fraction=0.5"])


@pytest.mark.parametrize(
    ("given", "meant"),
    [("True", "full"), ("False", "none"), ("true", "full"), ("false", "none"), ("full", "full")],
)
def test_shuffle_takes_true_and_false_as_in_the_article(given: str, meant: str) -> None:
    assert compose_config([f"generator.shuffle={given}"]).generator.shuffle == meant


def test_values_arrive_with_their_declared_types() -> None:
    config = compose_config(["optimizer.learning_rate=1", "+tracking.tags.a=1", "seed=0"])
    assert isinstance(config.optimizer.learning_rate, float)
    assert config.tracking.tags == {"a": "1"}
    assert config.seed == config.generator.seed == 0
    assert isinstance(config.optimizer, Adam)
    assert isinstance(config.model, Cnn)
    assert config.model.dropout_rates == [0.25, 0.5]
    assert compose_config(["trainer.jit_compile=null"]).trainer.jit_compile is None
    assert compose_config(["trainer.epochs=${seed}", "seed=7"]).trainer.epochs == 7


def test_the_warm_up_schedule_is_typed() -> None:
    schedule = compose_config(["optimizer/schedule=warmup_cosine"]).optimizer.schedule
    assert schedule == WarmupCosine(1.0, 0.0)


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("pack.quality=0", ">= 1"),
        ("pack.quality=101", "<= 100"),
        ("pack.chroma_subsampling=422", "444"),
    ],
)
def test_the_keys_of_jpeg_packing_have_limits(override: str, words: str) -> None:
    with pytest.raises(SpoonfulError, match=words):
        compose_config(["pack=jpeg", override])


@pytest.mark.parametrize("given", ["444", "'444'"])
def test_subsampling_may_be_written_as_a_number(given: str) -> None:
    pack = compose_config(["pack=jpeg", f"pack.chroma_subsampling={given}"]).pack
    assert pack == Jpeg(
        order="mixed", shard_mb=256, num_threads=None, quality=90, chroma_subsampling="444"
    )


def test_null_is_kept_where_it_is_allowed() -> None:
    dataset = compose_config(["dataset=folder"]).dataset
    assert isinstance(dataset, Folder)
    assert dataset.path is None


def test_a_config_without_hydra_s_own_keys_is_checked_as_well() -> None:
    from omegaconf import OmegaConf

    config = compose_config([])
    assert check_config(OmegaConf.create(settings_of(config))) == config


def _targets(node: Any) -> Iterator[type]:
    """The dataclasses that a file of conf/ names."""
    for key, value in node.items() if isinstance(node, dict) else ():
        if key == "_target_" and value.startswith("spoonful."):
            target: Any = pkgutil.resolve_name(value)
            assert dataclasses.is_dataclass(target)
            yield typing.cast(type, target)
        yield from _targets(value)


def _sections(schema: type) -> Iterator[type]:
    """A dataclass and those in it."""
    yield schema
    for hint in typing.get_type_hints(schema).values():
        if dataclasses.is_dataclass(hint):
            yield from _sections(typing.cast(type, hint))


def _limited_keys() -> Iterator[Any]:
    files = sorted(CONF.rglob("*.yaml"))
    components = {one for path in files for one in _targets(yaml.safe_load(path.read_text()))}
    assert {Cnn, Adam, WarmupCosine, Jpeg, Folder} < components
    for schema in (*_sections(Config), *sorted(components, key=lambda one: one.__name__)):
        for field in dataclasses.fields(schema):
            yield pytest.param(schema, field, id=f"{schema.__name__}.{field.name}")


@pytest.mark.parametrize(("schema", "field"), list(_limited_keys()))
def test_every_key_says_what_it_means_and_its_limits_fit_its_type(schema: type, field: Any) -> None:
    limits = field.metadata
    assert limits["help"]
    assert "\n" not in limits["help"]
    hint = typing.get_type_hints(schema)[field.name]
    if limits["words"]:
        hint = typing.get_args(hint)[0]  # without the words
    lists = list[int], list[float], tuple[float, float]
    numeric = hint in (int, float, int | None, float | None, *lists)
    bounds = [limits[name] for name in ("minimum", "maximum", "above") if limits[name] is not None]
    assert numeric or not bounds
    # Each number says how small it may be: no key takes a value that makes no sense.
    assert not numeric or limits["choices"] or limits["minimum"] is not None or limits["above"] == 0
    assert bool(allowed(field)) == bool(bounds or limits["choices"] or limits["length"])


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_a_learning_rate_is_taken_exactly_where_it_is_finite_and_positive(rate: float) -> None:
    from spoonful.config.fields import check_value

    field = next(f for f in dataclasses.fields(Adam) if f.name == "learning_rate")
    if math.isfinite(rate) and rate > 0:
        check_value("optimizer.learning_rate", rate, field)
    else:
        with pytest.raises(SpoonfulError, match=r"optimizer\.learning_rate="):
            check_value("optimizer.learning_rate", rate, field)
