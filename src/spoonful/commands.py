"""The commands: what each does, which config groups it reads, and its own flags."""

from dataclasses import dataclass, field

_ALL_GROUPS = (
    "seed",
    "dataset",
    "pack",
    "source",
    "generator",
    "model",
    "optimizer",
    "task",
    "trainer",
    "callbacks",
    "sweep",
    "tracking",
    "cache",
)


@dataclass(frozen=True)
class Stage:
    """One command: what it does, the config groups that it reads, and its own flags.

    `activity` is shown on stderr while nothing more precise is known. A flag `--word` runs the
    stage's function `word` instead of `run`. The function takes the config, and the value on the
    command line for each of `arguments`. A flag in `values` takes a value, that of its key.
    """

    summary: str
    activity: str
    groups: tuple[str, ...]
    sweeps: bool = False
    flags: dict[str, str] = field(default_factory=dict)
    arguments: dict[str, str] = field(default_factory=dict)
    takes_folder: bool = False
    values: dict[str, str] = field(default_factory=dict)

    @property
    def all_flags(self) -> dict[str, str]:
        """Return the stage's own flags, and --multirun if it sweeps, each with its meaning."""
        multirun = "train every combination of listed values: key=a,b other=c,d"
        values = {f"{flag} VALUE": f"{key}=VALUE" for flag, key in self.values.items()}
        return self.flags | values | ({"--multirun": multirun} if self.sweeps else {})


_CHOICE_OF_A_BATCH = {
    "--step": "preview.step",
    "--epoch": "preview.epoch",
    "--split": "preview.split",
}
_RUN_HELP = "id of a run in MLflow, or the first characters of it"

STAGES = {
    "fetch": Stage(
        "Get the raw data, check it, and leave it in data/raw.", "fetching the data", ("dataset",)
    ),
    "inspect": Stage(
        "Look at every image of data/raw, or of a FOLDER: bad files, copies, sizes; a report.",
        "looking at the images",
        ("dataset",),
        takes_folder=True,
    ),
    "split": Stage(
        "Split the images into data/split/{train,val,test}/<class>.",
        "splitting the images",
        ("dataset",),
    ),
    "pack": Stage(
        "Pack data/split into data/packed: few big files that are fast to read.",
        "packing the splits",
        ("dataset", "pack"),
        flags={"--verify": "check every byte of data/packed against its checksums, pack nothing"},
    ),
    "preview": Stage(
        "Draw a batch as training reads it, raw and augmented side by side, into preview.",
        "reading the batch",
        (*_ALL_GROUPS[:9], "preview", "tracking", "cache"),
        values=_CHOICE_OF_A_BATCH,
    ),
    "order": Stage(
        "List the examples of a step: index, label and id of each.",
        "reading the order",
        (*_ALL_GROUPS[:9], "preview", "cache"),
        values=_CHOICE_OF_A_BATCH,
    ),
    "train": Stage(
        "Train on data/split and record the run in MLflow.",
        "preparing the training",
        _ALL_GROUPS,
        sweeps=True,
    ),
    "sweep": Stage(
        "Train all combinations of key=a,b values or of an experiment's axes; continue if stopped.",
        "preparing the sweep",
        _ALL_GROUPS,
        sweeps=True,
    ),
    "evaluate": Stage(
        "Evaluate models/train on the test images.",
        "reading the model and the test images",
        ("evaluation", "source", "tracking", "cache"),
    ),
    "compare": Stage(
        "Compare the points of a sweep: means, differences, charts and a report.",
        "reading the sweep's runs",
        ("compare", "tracking"),
    ),
    "diff": Stage(
        "Show how two runs differ: data, split, order, config, code, versions and weights.",
        "reading the runs",
        ("tracking",),
        arguments={"RUN_A": _RUN_HELP, "RUN_B": _RUN_HELP},
    ),
    "reproduce": Stage(
        "Train a recorded run again, and check that the result is the same to the bit.",
        "reading the run",
        ("tracking",),
        flags={"--anyway": "train even if code, data, lock file or config have changed"},
        arguments={"RUN": _RUN_HELP},
    ),
    "summary": Stage(
        "Show the results of the last pipeline run.", "reading the results", ("tracking",)
    ),
    "sync": Stage(
        "Send a tracking server what was recorded while it could not be reached.",
        "reading what is unsent",
        ("tracking",),
    ),
    "ui": Stage(
        "Open the MLflow UI on the store that runs are recorded in.",
        "looking for the runs",
        ("tracking",),
    ),
}
