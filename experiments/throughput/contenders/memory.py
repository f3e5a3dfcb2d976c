"""The peak memory of a process that trains on a packed store."""

from cases import STEPS_PER_EXECUTION
from layout import BenchData

from contenders.fit import fit_as_trainer, one_layer_model, packed_generator
from spoonful.fitting.peak_memory import peak_rss_mb

# As many as ten epochs of the smallest store, or one of the middle one: 600,000 images, which lie
# all over the largest.
_NUM_STEPS = 4_690


def peak(data: BenchData, name: str, batch_size: int, quick: bool) -> float:
    """Train for a fixed number of steps; return the process' largest resident memory in MiB.

    It counts the pages of mapped files that are in memory, as the system's own tools do.
    """
    generator = packed_generator(data, name, batch_size)
    model = one_layer_model(STEPS_PER_EXECUTION, generator.source.image_shape)
    num_epochs = max(1, _NUM_STEPS // len(generator))
    fit_as_trainer(model, generator, num_epochs, num_steps=_NUM_STEPS)
    return peak_rss_mb()
