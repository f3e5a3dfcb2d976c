"""`spoonful preview`: draw a batch as training reads it, raw and augmented side by side."""

from pathlib import Path
from typing import TYPE_CHECKING

from spoonful import progress
from spoonful.config.components import check_slow_targets
from spoonful.config.schema import Config
from spoonful.files.whole import replaced_file
from spoonful.output import say
from spoonful.project import preview_dir, shown_path
from spoonful.quiet import import_tensorflow
from spoonful.workflow.chosen_batch import ChosenBatch, chosen_batch
from spoonful.workflow.foreign_code import foreign_code

if TYPE_CHECKING:
    from spoonful.fitting.augmented import Augmented

_EXAMPLE = "an example of the augmentation: its layers draw other numbers each time"


def run(config: Config) -> None:
    """Draw the chosen batch into preview/<name>.png, print where, and keep it in MLflow."""
    batch = chosen_batch(config)
    import_tensorflow()
    check_slow_targets([config])
    path = preview_dir() / f"{batch.split}-epoch-{batch.epoch}-step-{batch.number}.png"
    drawn = sheet_of(batch)
    path.parent.mkdir(parents=True, exist_ok=True)
    with replaced_file(path) as beside:
        beside.write_bytes(drawn)
    progress.result(f"drawn in {shown_path(path)}")
    _keep(config, path)


def sheet_of(batch: ChosenBatch) -> bytes:
    """Return the PNG of a batch: its first images with label and file name below each."""
    from spoonful.contact_sheet import Cell, contact_sheet
    from spoonful.fitting.augmented import augmented
    from spoonful.fitting.custom_objects import make_known
    from spoonful.fitting.train import training_generator, validation_generator

    config, indices = batch.config, batch.indices
    make_known(foreign_code(config))
    is_train = batch.split == "train"
    generator = (training_generator if is_train else validation_generator)(config, batch.source)
    raw, _ = generator.batch(batch.step)
    changed = augmented(config, generator, batch.step) if is_train else None
    cells = []
    for place, index in enumerate(indices[: config.preview.num_images].tolist()):
        images = [raw[place], *([] if changed is None else [changed.images[place]])]
        cells.append(Cell(images, (batch.label(index), batch.name(index))))
    return contact_sheet(_title(batch, len(cells), changed), cells)


def _title(batch: ChosenBatch, num_drawn: int, changed: "Augmented | None") -> list[str]:
    generator = batch.config.generator
    count = f"{num_drawn} of its {len(batch.indices)} images"
    if batch.split == "val":
        return [
            f"validation, step {batch.number}: {count}",
            "every epoch reads the same images, whole, without augmentation",
        ]
    where = f"epoch {batch.epoch}, step {batch.number} (step {batch.step:,} of the training)"
    read = "as it was read" if generator.crop is None else "as it was read, cropped"
    how = f"{read}; no augmentation (trainer.augmentation is empty)"
    if changed is not None:
        how = f"left {read}, right augmented as at this step"
        if not changed.is_of_step:
            how = f"left {read}, right {_EXAMPLE}"
    return [f"training, {where}: {count}, shuffle={generator.shuffle}, seed={generator.seed}", how]


def _keep(config: Config, path: Path) -> None:
    """Keep the figure in MLflow; without its server, it is only in the file."""
    from spoonful.tracking.previews import keep_preview
    from spoonful.tracking.store import UnreachableError

    try:
        run_id = keep_preview(config.tracking, path)
    except UnreachableError as error:
        say(f"warning: not kept in MLflow: {error}")
        return
    experiment = config.tracking.experiment_name
    progress.result(f"kept in MLflow: experiment {experiment}, run {run_id}, {path.name}")
