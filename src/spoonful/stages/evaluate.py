"""`spoonful evaluate`: evaluate a trained model on the test images."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spoonful import progress
from spoonful.config.check import recorded_component
from spoonful.config.schema import Config
from spoonful.config.settings import short_name
from spoonful.config.targets import TARGET
from spoonful.errors import SpoonfulError
from spoonful.evaluation.judgement import Judgement
from spoonful.evaluation.report import write_report, write_tables
from spoonful.files.whole import replaced_folder
from spoonful.project import evaluate_dir, project_root, shown_path, train_dir
from spoonful.quiet import import_tensorflow
from spoonful.record.files import CARD_NAME, CONFIG_NAME, MODEL_NAME, REPORT_NAME
from spoonful.record.metrics import TEST_METRICS
from spoonful.sources import Source
from spoonful.workflow.trained_model import import_code, load_model, read_card_and_settings
from spoonful.workflow.unsent import end_if_unsent, settle_store


def run(config: Config) -> None:
    """Judge the model on the test split; write the report and add it to the training's run."""
    model_dir = _model_dir(config)
    settle_store(config.tracking)
    card, settings = read_card_and_settings(model_dir)
    task = recorded_component("task", settings["task"])
    opener = recorded_component("source", card["source"])  # as training opened its own splits
    source: Source = opener.open("test", card["input"], config)
    task.check(source)
    if list(source.class_names) != card["class_names"]:
        raise SpoonfulError(
            f"the test split has the classes {', '.join(source.class_names)}, but {model_dir} was "
            f"trained on {', '.join(card['class_names'])}: train again on this split"
        )
    import_tensorflow()
    import_code(settings, card["code"])
    batch_size = config.evaluation.batch_size
    predictions = _predict(model_dir / MODEL_NAME, source, settings, batch_size)
    judgement = task.judge(source, predictions, config.evaluation)
    out_dir = evaluate_dir() if model_dir == train_dir() else model_dir / "evaluate"
    _write(out_dir, judgement, settings, card)
    run_words, unsent = _log(config, card["train_key"], judgement, out_dir)
    score = judgement.metrics[task.score]
    print(f"test {task.score.replace('_', ' ')} {score:.4f} on {len(source):,} images")
    print(f"report        {shown_path(out_dir / REPORT_NAME)}")
    print(f"run           {run_words}")
    end_if_unsent(unsent)


def _model_dir(config: Config) -> Path:
    given = config.evaluation.model_dir
    folder = train_dir() if given is None else (project_root() / given).resolve()
    for name in (CARD_NAME, CONFIG_NAME, MODEL_NAME):
        if not (folder / name).exists():
            raise SpoonfulError(
                f"{folder} holds no trained model ({name} is missing): run `spoonful train` "
                "first, or give evaluation.model_dir=FOLDER"
            )
    return folder


def _predict(
    model_path: Path, source: Source, settings: dict[str, Any], batch_size: int
) -> NDArray[np.float32]:
    """Return the model's outputs for every image, float32 [n, ...], in source order."""
    from spoonful.fitting.modes import resolved_jit_compile, set_modes
    from spoonful.generator import BatchGenerator
    from spoonful.generator.plan import stored_order

    trainer = settings["trainer"]
    set_modes(trainer["precision"], settings["seed"], trainer["deterministic"])
    model = load_model(model_path)
    model.compile(jit_compile=resolved_jit_compile(trainer["jit_compile"]))
    order = stored_order(source)
    generator = BatchGenerator(
        source, batch_size, order=order, dtype=settings["generator"]["dtype"]
    )
    import keras

    with progress.bar("evaluate", len(generator), "steps") as bar:
        count = keras.callbacks.LambdaCallback(
            on_predict_batch_end=lambda batch, logs: bar.update(1)
        )
        predicted = model.predict(generator, verbose=0, callbacks=[count])
    predictions = np.empty(predicted.shape, dtype=np.float32)
    predictions[order(0, 0, len(source))] = predicted
    return predictions


def _write(
    out_dir: Path, judgement: Judgement, settings: dict[str, Any], card: dict[str, Any]
) -> None:
    names = {
        group: short_name(settings[group][TARGET])
        for group in ("dataset", "model", "optimizer", "task")
    }
    facts = {
        "data set": names["dataset"],
        "task": names["task"],
        "model": f"{names['model']}, epoch {card['best_epoch']}",
        "optimizer": names["optimizer"],
        "batch size": str(settings["generator"]["batch_size"]),
        "shuffle": settings["generator"]["shuffle"],
        "seed": str(settings["seed"]),
        "made from": card["train_key"][:16],
    }
    with replaced_folder(out_dir) as folder:
        write_tables(folder, judgement)
        write_report(folder, f"{names['dataset']}: {judgement.headline}", judgement, facts)


def _log(
    config: Config, train_key: str, judgement: Judgement, out_dir: Path
) -> tuple[str, str | None]:
    """Add the results to the model's run; return it in words, and why they are unsent, if so."""
    from spoonful.tracking.added import added_to_maker

    with added_to_maker(config.tracking, train_key) as tracked:
        if tracked is None:
            return "none: the store has no run that made this model", None
        tracked.log_metrics({f"{TEST_METRICS}{n}": v for n, v in judgement.metrics.items()})
        for heading, figure in judgement.figures.items():
            tracked.log_figure(figure, f"figures/{heading.lower().replace(' ', '_')}.png")
        tracked.log_folder(out_dir, "evaluation")
    return tracked.run_id or "not known while the tracking server is away", tracked.unsent
