"""`spoonful order`: list the examples of a step, as training reads them."""

from spoonful.config.schema import Config
from spoonful.workflow.chosen_batch import chosen_batch


def run(config: Config) -> None:
    """Print index, label and id of each example of the chosen step, separated by tabs."""
    batch = chosen_batch(config)
    for index in batch.indices.tolist():
        print(f"{index}\t{batch.label(index)}\t{batch.name(index)}")
