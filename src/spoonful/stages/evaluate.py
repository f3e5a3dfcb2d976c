"""`spoonful evaluate`: evaluate a trained model on the test images."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spoonful import progress
from spoonful.config.schema import Config
from spoonful.errors import SpoonfulError
from spoonful.evaluation.report import write_report, write_tables
from spoonful.evaluation.scores import Scores, score
from spoonful.files.whole import replaced_folder
from spoonful.project import evaluate_dir, project_root, shown_path, train_dir
from spoonful.quiet import import_tensorflow
from spoonful.record.files import CARD_NAME, CONFIG_NAME, MODEL_NAME, REPORT_NAME
from spoonful.workflow.data import SplitSource, open_folder, open_packed
from spoonful.workflow.trained_model import load_model, read_card_and_settings
from spoonful.workflow.unsent import end_if_unsent, settle_store


def run(config: Config) -> None:
    """Score the model on the test split; write the report and add it to the training's run."""
    model_dir = _model_dir(config)
    settle_store(config.tracking)
    card, settings = read_card_and_settings(model_dir)
    source = _test_source(card["input"], config)
    if list(source.class_names) != card["class_names"]:
        raise SpoonfulError(
            f"the test split has the classes {', '.join(source.class_names)}, but {model_dir} was "
            f"trained on {', '.join(card['class_names'])}: train again on this split"
        )
    import_tensorflow()
    probabilities = _predict(model_dir / MODEL_NAME, source, settings, config.evaluation.batch_size)
    names = tuple(card["class_names"])
    labels = np.asarray(source.labels, dtype=np.int64)
    scores = score(
        probabilities, labels, names, config.evaluation.top_k, config.evaluation.num_bins
    )
    figures = _figures(scores, names, source, probabilities, config.evaluation.num_mistakes)
    out_dir = evaluate_dir() if model_dir == train_dir() else model_dir / "evaluate"
    _write(out_dir, scores, figures, _prediction_rows(source, probabilities), settings, card)
    run_words, unsent = _log(config, card["train_key"], scores, figures, out_dir)
    print(f"test accuracy {scores.metrics['accuracy']:.4f} on {len(source):,} images")
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


def _test_source(settings: dict[str, Any], config: Config) -> SplitSource:
    """Open the test split with the settings of training in the model card."""
    pixels = {name: value for name, value in settings.items() if name != "source"}
    is_packed = settings["source"] == "packed"
    if is_packed:
        return open_packed("test", pixels)
    return open_folder("test", pixels, config)


def _predict(
    model_path: Path, source: SplitSource, settings: dict[str, Any], batch_size: int
) -> NDArray[np.float32]:
    """Return the class probabilities of every image, float32 [n, classes], in source order."""
    from spoonful.fitting.modes import resolved_jit_compile, set_modes
    from spoonful.generator import BatchGenerator

    trainer = settings["trainer"]
    set_modes(trainer["precision"], settings["seed"], trainer["deterministic"])
    model = load_model(model_path)
    model.compile(jit_compile=resolved_jit_compile(trainer["jit_compile"]))
    generator = BatchGenerator(
        source, batch_size, shuffle="none", dtype=settings["generator"]["dtype"]
    )
    import keras

    with progress.bar("evaluate", len(generator), "steps") as bar:
        count = keras.callbacks.LambdaCallback(
            on_predict_batch_end=lambda batch, logs: bar.update(1)
        )
        predicted = model.predict(generator, verbose=0, callbacks=[count])
    return np.asarray(predicted, dtype=np.float32)


def _figures(
    scores: Scores,
    class_names: tuple[str, ...],
    source: SplitSource,
    probabilities: NDArray[np.float32],
    num_mistakes: int,
) -> dict[str, Any]:
    from spoonful.figures import calibration_figure, confusion_figure, image_grid

    predicted = probabilities.argmax(axis=1)
    mistakes = np.flatnonzero(predicted != source.labels)
    # The worst first: lowest probability of the true class; ties in source order.
    of_label = probabilities[mistakes, source.labels[mistakes]]
    worst = mistakes[np.argsort(of_label, kind="stable")][:num_mistakes]
    captions = [
        f"{class_names[source.labels[i]]}, taken for\n{class_names[predicted[i]]} "
        f"({probabilities[i].max():.0%})"
        for i in worst
    ]
    title = f"worst of {len(mistakes)} test mistakes"
    error = scores.metrics["expected_calibration_error"]
    return {
        "Confusion matrix": confusion_figure(scores.confusion, class_names),
        "Calibration": calibration_figure(scores.calibration, error),
        "Worst mistakes": image_grid(source.read(worst), captions, title),
    }


def _prediction_rows(source: SplitSource, probabilities: NDArray[np.float32]) -> list[list[Any]]:
    names = source.class_names
    return [
        [source.example_id(i), names[label], names[row.argmax()], float(row.max())]
        for i, (label, row) in enumerate(zip(source.labels, probabilities, strict=True))
    ]


def _write(
    out_dir: Path,
    scores: Scores,
    figures: dict[str, Any],
    predictions: list[list[Any]],
    settings: dict[str, Any],
    card: dict[str, Any],
) -> None:
    facts = {
        "data set": settings["dataset"]["name"],
        "model": f"{settings['model']['name']}, epoch {card['best_epoch']}",
        "optimizer": settings["optimizer"]["name"],
        "batch size": str(settings["generator"]["batch_size"]),
        "shuffle": settings["generator"]["shuffle"],
        "seed": str(settings["seed"]),
        "made from": card["train_key"][:16],
    }
    with replaced_folder(out_dir) as folder:
        write_tables(folder, scores, predictions)
        title = (
            f"{settings['dataset']['name']}: {scores.metrics['accuracy']:.2%} of test images right"
        )
        write_report(folder, title, scores, figures, facts)


def _log(
    config: Config, train_key: str, scores: Scores, figures: dict[str, Any], out_dir: Path
) -> tuple[str, str | None]:
    """Add the results to the run that made the model.

    Returns:
        The run in words, and why the results are not at the tracking server; None: they are.
    """
    from spoonful.tracking.added import added_to_maker

    with added_to_maker(config.tracking, train_key) as tracked:
        if tracked is None:
            return "none: the store has no run that made this model", None
        tracked.log_metrics({f"test_{name}": value for name, value in scores.metrics.items()})
        for heading, figure in figures.items():
            tracked.log_figure(figure, f"figures/{heading.lower().replace(' ', '_')}.png")
        tracked.log_folder(out_dir, "evaluation")
    return tracked.run_id or "not known while the tracking server is away", tracked.unsent
