"""Which order generator.shuffle=auto stands for, and why: by the data's size and the memory."""

import dataclasses
import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from spoonful.config.fields import AUTO
from spoonful.config.schema import Config, TrackingConfig
from spoonful.record.tags import CHOICE_TAG
from spoonful.sources import Source
from spoonful.sources.memory_room import memory_room

FULL, BLOCK = "full", "block"
SHUFFLE = "generator.shuffle"
_MIB = 1 << 20
# The share of the free memory that the data may take to be read at random: the model and other
# processes need some of it later. Where they do not, little is lost: from a mixed store
# `block` trains like `full`, as far as five seeds can tell (experiments/many_classes), and reads it
# at the same speed or a higher one (experiments/throughput, "Mixed stores").
_SHARE = 0.5
# What a process grows by when it imports what a training needs. `spoonful order`, which imports
# less, must choose like `train`: in a control group of 1,400 MiB it found 1,304 MiB free, `train`
# 462.
_FRAMEWORK_BYTES = 842 << 20


@dataclass(frozen=True)
class ShuffleChoice:
    """What was chosen for generator.shuffle=auto.

    Attributes:
        shuffle: "full" or "block".
        reason: why, in words.
    """

    shuffle: str
    reason: str

    @property
    def line(self) -> str:
        """What a command prints of it."""
        return f"{SHUFFLE}={AUTO}: {self.shuffle}, because {self.reason}"


def choose(stored_bytes: int, room: int | None, *, is_mixed: bool) -> ShuffleChoice:
    """Choose an order for data in memory, in a file each, or in files of many images.

    It is `full` where reading at random is as fast, and `block` where it is not and a block is a
    random draw. How fast a disk is does not count: what a system says of it (rotating or not) is
    wrong for network, virtual and layered disks, and a measurement would not be the same again.

    Args:
        stored_bytes: size of the files of many images each that an epoch reads; 0: there are none,
            or they are loaded.
        room: bytes of memory that are free for them; None: unknown.
        is_mixed: the images are stored in a random order.
    """
    if not stored_bytes:
        return ShuffleChoice(FULL, "the images are in memory or in a file each")
    size = f"the files of the images take {stored_bytes / _MIB:,.1f} MiB"
    if room is None:
        found = f"{size}, and how much memory is free is not known"
    else:
        is_small = stored_bytes <= room * _SHARE
        words = "at most half" if is_small else "more than half"
        found = f"{size}, {words} of the {room / _MIB:,.1f} MiB of free memory"
        if is_small:
            return ShuffleChoice(FULL, found)
    if is_mixed:
        return ShuffleChoice(BLOCK, found)
    return ShuffleChoice(
        FULL,
        f"a block would not be a random draw ({found}, but they are not stored mixed): pack them "
        "with pack.order=mixed if the disk is slow",
    )


def shuffle_choice(config: Config, sources: Iterable[Source]) -> ShuffleChoice | None:
    """Choose by the memory that is free now; None: the config names an order.

    Args:
        config: the whole config.
        sources: all that an epoch reads, the training images first.
    """
    return choice_for(sources) if config.generator.shuffle == AUTO else None


def choice_for(sources: Iterable[Source]) -> ShuffleChoice:
    """Choose by the memory that is free now.

    Args:
        sources: all that an epoch reads, the training images first.
    """
    train, *others = sources
    stored_bytes = train.stored_bytes or 0
    if stored_bytes:  # validation, which is read in its own order, only takes memory from it
        stored_bytes += sum(other.stored_bytes or 0 for other in others)
    room = free_memory() if stored_bytes else None
    return choose(stored_bytes, room, is_mixed=train.placement is not None)


def free_memory() -> int | None:
    """Return the bytes of memory that are free beside TensorFlow; None: unknown."""
    room = memory_room()
    if room is None or "tensorflow" in sys.modules:
        return room
    return max(0, room - _FRAMEWORK_BYTES)


def agreed_choice(tracking: TrackingConfig, sweep_id: str, choice: ShuffleChoice) -> ShuffleChoice:
    """Return what the first point of a named sweep has chosen; the first one notes its choice.

    Args:
        tracking: where the sweep is recorded.
        sweep_id: its run.
        choice: what is chosen by the memory that is free now.
    """
    from spoonful.tracking.parent import first_tag

    noted = first_tag(tracking, sweep_id, CHOICE_TAG, json.dumps(dataclasses.asdict(choice)))
    return ShuffleChoice(**json.loads(noted))


def with_shuffle(config: Config, choice: ShuffleChoice | None) -> Config:
    """Return the config with what was chosen; None: the config names an order."""
    if choice is None:
        return config
    return dataclasses.replace(
        config, generator=dataclasses.replace(config.generator, shuffle=choice.shuffle)
    )


def with_order_of(identity: dict[str, Any], choice: ShuffleChoice) -> dict[str, Any]:
    """Return the identity of a training with another choice in it."""
    settings = identity["settings"]
    generator = {**settings["generator"], "shuffle": choice.shuffle}
    return {**identity, "settings": {**settings, "generator": generator}}
