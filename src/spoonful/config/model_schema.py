"""The config keys of the models."""

from dataclasses import dataclass

from spoonful.config.fields import key


@dataclass
class CnnConfig:
    """The article's network: two convolutions, one pooling, two dense layers."""

    name: str = key("which model", choices=("cnn",))
    num_filters: list[int] = key("filters of the two 3x3 convolutions", minimum=1, length=2)
    num_units: int = key("units of the dense layer", minimum=1)
    dropout_rates: list[float] = key(
        "dropout after the pooling and after the dense layer", minimum=0, maximum=0.99, length=2
    )


@dataclass
class MlpConfig:
    """Dense layers on the flattened image."""

    name: str = key("which model", choices=("mlp",))
    num_units: list[int] = key("units of each hidden layer", minimum=1)
    dropout_rate: float = key("dropout after each hidden layer", minimum=0, maximum=0.99)


@dataclass
class ResnetConfig:
    """A small residual network with batch normalisation, for images of 32 to 224 px."""

    name: str = key("which model", choices=("resnet",))
    num_filters: int = key("filters of the first stage; doubled at each next one", minimum=1)
    num_blocks: list[int] = key("residual blocks of each stage", minimum=1)
    dropout_rate: float = key("dropout before the last layer", minimum=0, maximum=0.99)


@dataclass
class VggConfig:
    """Stages of 3x3 convolutions, each halved and normalised at its end; two dense layers."""

    name: str = key("which model", choices=("vgg",))
    num_filters: list[int] = key("filters of each stage's convolutions", minimum=1)
    num_convolutions: int = key("convolutions of each stage", minimum=1)
    num_units: int = key("units of the dense layer", minimum=1)
    dropout_rates: list[float] = key(
        "dropout after each stage and after the dense layer", minimum=0, maximum=0.99, length=2
    )
