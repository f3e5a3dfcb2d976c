"""Which commands are killed besides `train`, in which project, and how often."""

import signal
from dataclasses import dataclass

from scratch import SPOONFUL

COMMAND, WORKER, GROUP = "the command alone", "one process below it", "all processes"
KILL, TERM, INT = signal.SIGKILL, signal.SIGTERM, signal.SIGINT

Command = tuple[str, ...]

_SMALL = ("dataset.image_size=[224,224]", "dataset.num_channels=1", "dataset=folder")
_OLD, _NEW = "dataset.path=own/old", "dataset.path=own/new"
_TINY = ("model=mlp", "trainer.epochs=2", "trainer.checkpoint_every_steps=10")
_POINTS = ("generator.batch_size=64,128,256", *_TINY)
_SWEPT = "3 points finished\n"
_SIDE_BY_SIDE = ("sweep.num_parallel=2",)
_DIGITS = (("fetch",), ("split",), ("pack",))
_TRAINED = (*_DIGITS, ("train", *_TINY))


@dataclass(frozen=True)
class Blow:
    """A kill at a random moment.

    Attributes:
        victim: COMMAND, WORKER or GROUP.
        number: the signal.
    """

    victim: str
    number: signal.Signals


@dataclass(frozen=True)
class StageCase:
    """One command that is killed and run again.

    Attributes:
        name: in tables and on the command line.
        title: what it tries, in plain words.
        arguments: of `spoonful`, or the whole command where `is_dvc`.
        before: commands that are run before, in peace; what they leave is old.
        outputs: files and folders that the command makes, below the project.
        units: groups of outputs of which none may be new while another one is old.
        num_changes: kills at changes of the disk, each at another kind of change.
        blows: kills at random moments.
        num_lives: processes that are killed before one is left in peace.
        is_dvc: it is `dvc`.
        last_words: what it says when all is done, where running it again is another piece of work.
    """

    name: str
    title: str
    arguments: Command
    before: tuple[Command, ...]
    outputs: tuple[str, ...]
    units: tuple[tuple[str, ...], ...] = ()
    num_changes: int = 0
    blows: tuple[Blow, ...] = ()
    num_lives: int = 1
    is_dvc: bool = False
    last_words: str | None = None

    @property
    def command(self) -> Command:
        """The whole command."""
        return self.arguments if self.is_dvc else (*SPOONFUL, *self.arguments)


_SPLIT = ("data/split", "data/split.csv", "data/split.json")
_STORES = tuple(f"data/packed/{split}" for split in ("train", "val", "test"))


def _packing(encoding: str, num_changes: int) -> StageCase:
    options = (*_SMALL, f"pack={encoding}", "pack.shard_mb=1")
    made = (("fetch", *_SMALL, _OLD), ("split", *_SMALL, _OLD), ("pack", *options, _OLD))
    again = (("fetch", *_SMALL, _NEW), ("split", *_SMALL, _NEW))
    return StageCase(
        f"pack_{encoding}",
        f"`spoonful pack pack={encoding}` over the stores of another split",
        ("pack", *options, _NEW),
        (*made, *again),
        ("data/packed",),
        tuple((store,) for store in _STORES),
        num_changes,
        (Blow(COMMAND, KILL), Blow(COMMAND, TERM)),
    )


STAGE_CASES = (
    StageCase(
        "fetch",
        "`spoonful fetch` of a folder, over the list of another",
        ("fetch", *_SMALL, _NEW),
        (("fetch", *_SMALL, _OLD),),
        ("data/raw",),
        (("data/raw",),),
        8,
        (Blow(COMMAND, KILL), Blow(COMMAND, TERM)),
    ),
    StageCase(
        "split",
        "`spoonful split` of other images, over the split before",
        ("split", *_SMALL, _NEW),
        (("fetch", *_SMALL, _OLD), ("split", *_SMALL, _OLD), ("fetch", *_SMALL, _NEW)),
        _SPLIT,
        (_SPLIT,),
        14,
        (Blow(COMMAND, KILL), Blow(COMMAND, INT)),
    ),
    _packing("raw", 12),
    _packing("jpeg", 6),
    StageCase(
        "evaluate",
        "`spoonful evaluate`, over the report of another model",
        ("evaluate",),
        (*_TRAINED, ("evaluate",), ("train", *_TINY, "seed=1")),
        ("models/evaluate",),
        (("models/evaluate",),),
        3,
        (Blow(COMMAND, KILL), Blow(COMMAND, TERM)),
    ),
    StageCase(
        "sweep",
        "`spoonful sweep` of three points, one after the other",
        ("sweep", *_POINTS),
        _DIGITS,
        ("models/sweeps",),
        blows=(*(Blow(COMMAND, KILL),) * 5, Blow(COMMAND, TERM)),
        num_lives=3,
        last_words=_SWEPT,
    ),
    StageCase(
        "sweep_parallel",
        "the same, two points at a time",
        ("sweep", *_POINTS, *_SIDE_BY_SIDE),
        _DIGITS,
        ("models/sweeps",),
        blows=(
            *(Blow(COMMAND, KILL),) * 2,
            *(Blow(WORKER, KILL),) * 2,
            *(Blow(GROUP, KILL),) * 2,
            Blow(GROUP, INT),
        ),
        num_lives=4,
        last_words=_SWEPT,
    ),
    StageCase(
        "compare",
        "`spoonful compare`, over the report of another sweep",
        ("compare",),
        (
            *_DIGITS,
            ("sweep", "seed=0,1", *_TINY),
            ("compare",),
            ("sweep", "seed=2,3", *_TINY),
        ),
        ("models/compare",),
        (("models/compare",),),
        3,
        (Blow(COMMAND, KILL), Blow(COMMAND, TERM)),
    ),
    StageCase(
        "dvc_repro",
        "`dvc repro`: fetch, split, pack, train and evaluate",
        ("dvc", "repro"),
        (),
        ("data/raw", *_SPLIT, "data/packed", "models/train", "models/evaluate", "dvc.lock"),
        blows=(
            *(Blow(COMMAND, KILL),) * 3,
            *(Blow(WORKER, KILL),) * 2,
            *(Blow(GROUP, KILL),) * 2,
            Blow(GROUP, INT),
        ),
        num_lives=4,
        is_dvc=True,
    ),
)
