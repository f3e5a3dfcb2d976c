"""Components of a user, one of each kind, as CONTRIBUTING.md describes them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import keras
import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits

from spoonful import ArraySource
from spoonful.config.fields import key
from spoonful.crops import Box, Crop, Cut
from spoonful.datasets import Dataset, RawArrays, RawImage
from spoonful.optimizers.optimizer import Optimizer
from spoonful.tasks.classification import Classification


@dataclass
class Network:
    """A dense layer on halved pixels."""

    width: int = key("units of the dense layer", minimum=1)

    smallest_image: ClassVar[int] = 4

    def __call__(self, pixels: Any) -> Any:
        x = Halve(factor=0.5)(keras.layers.Flatten()(pixels))
        return keras.layers.Dense(self.width, activation="relu")(x)


def network(pixels: Any, width: int = 8) -> Any:
    return Network(width)(pixels)


class Halve(keras.layers.Layer):
    def __init__(self, factor: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, x: Any) -> Any:
        return x * self.factor

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "factor": self.factor}


@dataclass
class Signs(Optimizer):
    """Steps of one size."""

    weight_decay: float = key("share of a weight taken off a step", minimum=0)

    def __call__(self, learning_rate: Any) -> Any:
        return keras.optimizers.Lion(learning_rate, weight_decay=self.weight_decay)


@dataclass
class Halving:
    """Half the learning rate at each epoch."""

    every_epochs: int = key("epochs until it is halved", minimum=1)

    def __call__(self, peak: float, epochs: int, steps_per_epoch: int) -> Any:
        steps = self.every_epochs * steps_per_epoch
        return keras.optimizers.schedules.ExponentialDecay(peak, steps, 0.5, staircase=True)


class Dim(keras.layers.Layer):
    """Darkens images in training, each step by a random share."""

    def __init__(self, largest: float = 0.1, seed: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.largest, self.seed = largest, seed
        self.generator = keras.random.SeedGenerator(seed)

    def call(self, x: Any, training: bool | None = None) -> Any:
        if not training:
            return x
        return x * (1 - keras.random.uniform((), 0, self.largest, seed=self.generator))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "largest": self.largest, "seed": self.seed}


def power_loss(y_true: Any, y_pred: Any, power: float = 2.0) -> Any:
    return keras.ops.mean(keras.ops.abs(y_true - y_pred) ** power, axis=-1)


def distance(actual: Any, predicted: Any) -> Any:
    return keras.ops.mean(keras.ops.abs(actual - predicted), axis=-1)


class Damping(keras.callbacks.Callback):
    """Takes a share off the learning rate after each step, more of it with each epoch."""

    def __init__(self, share: float = 0.01) -> None:
        super().__init__()
        self.share, self.num_steps = share, 0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.share *= 1.1

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self.num_steps += 1
        rate = self.model.optimizer.learning_rate
        rate.assign(rate * (1 - self.share * (1 + 0.01 * (batch % 7))))

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        logs["num_steps"] = float(self.num_steps)

    def get_state(self) -> dict[str, float]:
        return {"share": self.share, "num_steps": self.num_steps}

    def set_state(self, state: dict[str, float]) -> None:
        self.share, self.num_steps = state["share"], int(state["num_steps"])


@dataclass(frozen=True)
class Backwards:
    """Each epoch from the last example to the first, turned by the seed."""

    num_examples: int
    seed: int
    turn: int = 1

    def __call__(self, epoch: int, start: int, stop: int) -> NDArray[np.int64]:
        places = np.arange(start, stop, dtype=np.int64)
        return (
            self.num_examples - 1 - places + self.turn * (self.seed + epoch)
        ) % self.num_examples


@dataclass
class Corner:
    """The top left corner of each picture, mirrored in every other epoch."""

    side: float = key("share of each side", above=0, maximum=1)

    def draw(self, seed: int, epoch: int, positions: NDArray[np.int64]) -> list[Crop]:
        def cut(height: int, width: int) -> Cut:
            box = Box(0, 0, round(self.side * height), round(self.side * width))
            return Cut(box, epoch % 2 == 1)

        return [cut] * len(positions)


def digits(split: str, labels: str = "classes") -> ArraySource:
    """A source of scikit-learn's digits: classes, several labels each, or numbers."""
    loaded = load_digits()
    part = {"train": slice(0, 600), "val": slice(600, 800), "test": slice(800, 1000)}[split]
    images = (loaded.images[part] * 15.9).astype(np.uint8)[..., np.newaxis]
    figures = loaded.target[part]
    if labels == "several":
        marks = np.stack([figures % 2 == 0, figures > 4, figures % 3 == 0], axis=1)
        return ArraySource(images, marks.astype(np.uint8), ("even", "large", "triple"))
    if labels == "numbers":
        return ArraySource(images, figures / 9.0, ())
    return ArraySource(images, figures, tuple("0123456789"))


@dataclass
class FewDigits(Dataset):
    """The digits below a number."""

    below: int = key("digits below this number", minimum=2, maximum=10)
    test_fraction: float = key("share of the images that goes to test", above=0, maximum=0.9)

    def fetch(self, raw_dir: Path) -> None:
        raw_dir.mkdir(parents=True, exist_ok=True)
        (raw_dir / "below").write_text(str(self.below))

    def open_raw(self, raw_dir: Path) -> RawArrays:
        loaded = load_digits()
        kept = loaded.target < int((raw_dir / "below").read_text())
        pixels = (loaded.images[kept] * 15.9).astype(np.uint8)
        names = enumerate(loaded.target[kept])
        return RawArrays([RawImage(str(t), f"{number}.png") for number, t in names], pixels)


@dataclass
class SecondBest(Classification):
    """Classification that is ranked by whether the class is among the two most probable."""

    score: ClassVar[str] = "top_2_accuracy"

    def own_metrics(self) -> list[Any]:
        return [keras.metrics.TopKCategoricalAccuracy(k=2, name=self.score)]
