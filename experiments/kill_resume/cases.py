"""What is trained: one case for each thing that a resumed training could get wrong."""

from dataclasses import dataclass

EXPERIMENT = "experiment=kill_resume"


@dataclass(frozen=True)
class Case:
    """One training.

    Attributes:
        name: in tables and on the command line.
        title: what it tries, in plain words.
        overrides: of the config, beside those of the experiment.
        stops_early: early stopping has to end it before its last epoch.
    """

    name: str
    title: str
    overrides: tuple[str, ...]
    stops_early: bool = False

    @property
    def command(self) -> tuple[str, ...]:
        """The whole `train` command after the program's name."""
        return ("train", EXPERIMENT, *self.overrides)


CASES = (
    Case(
        "cnn_dropout",
        "the article's network: Dropout, Adam",
        ("trainer.steps_per_execution=1",),
    ),
    Case(
        "resnet_augmented",
        "batch normalisation, four random augmentation layers, read from image files",
        (
            "model=resnet",
            "model.num_filters=8",
            "model.num_blocks=[1,1]",
            "trainer=augmented",
            "source=folder",
            "dataset.image_size=[32,32]",
            "trainer.epochs=6",
            "trainer.steps_per_execution=4",
        ),
    ),
    Case(
        "mixed_bfloat16",
        "bfloat16 layers",
        ("trainer.precision=mixed_bfloat16", "trainer.steps_per_execution=4"),
    ),
    Case(
        "mixed_float16",
        "float16 layers, whose loss is scaled; few filters, as CPUs are slow at float16",
        (
            "trainer.precision=mixed_float16",
            "model.num_filters=[4,4]",
            "model.num_units=32",
            "trainer.epochs=4",
            "trainer.steps_per_execution=4",
        ),
    ),
    Case(
        "steps_per_execution",
        "16 steps a call, of an epoch of 31; block shuffle",
        ("trainer.steps_per_execution=16", "generator.shuffle=block", "generator.block_size=100"),
    ),
    Case(
        "early_stopping",
        "stops when val_loss grows, and goes back to the best weights",
        (
            "trainer.epochs=40",
            "trainer.early_stopping.patience_epochs=2",
            "optimizer.learning_rate=0.004",
            "trainer.steps_per_execution=1",
        ),
        stops_early=True,
    ),
    Case(
        "warmup_cosine",
        "AdamW, a learning rate that rises and falls, balanced class weights",
        (
            "optimizer=adamw",
            "optimizer/schedule=warmup_cosine",
            "trainer.class_weights=balanced",
            "trainer.steps_per_execution=4",
        ),
    ),
)
