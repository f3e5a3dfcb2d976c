"""How long our trainer waits for its input, as it reports it itself."""

from typing import Any

from layout import BenchData
from prepare import RepeatedSource, mnist_in_ram

_QUICK_IMAGES = 6_000


def ours(data: BenchData, batch_size: int, quick: bool) -> float:
    """Train the article's CNN for one epoch; return the share of it spent waiting, in %."""
    from spoonful import ArraySource, PackedSource
    from spoonful.config.compose import compose_config
    from spoonful.fitting.train import train

    source: Any = PackedSource(data.packed("mnist"))
    if quick:
        source = RepeatedSource(source, _QUICK_IMAGES)
    images, labels = mnist_in_ram(data)
    validation = ArraySource(images[:batch_size], labels[:batch_size], source.class_names)
    config = compose_config(
        ["experiment=throughput", f"generator.batch_size={batch_size}", "trainer.epochs=1"]
    )
    reports: list[Any] = []
    train(config, source, validation, reports.append)
    return 100 * reports[0].input_wait_s / reports[0].train_s
