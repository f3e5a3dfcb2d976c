import ast

from spoonful.record import files, metrics, tags
from tests.imports import MODULES, name_of, tree_of, within

# Also names of other things: a file in conf/, a key of the config.
ALSO_ELSEWHERE = {
    "report.html": ("inspection.report",),
    "config.yaml": ("project", "config.folders"),
    "sweep.point": ("stages.sweep", "stages.train"),
}


def declared() -> set[str]:
    """The tags that no other word could be taken for, and the names of files."""
    values = {value for name, value in vars(files).items() if name.endswith("_NAME")}
    own = {value for name, value in vars(tags).items() if name.endswith(("_TAG", "_TAGS"))}
    of_epochs = {metrics.IMAGES_PER_S, metrics.EPOCH_TRAIN_S, metrics.INPUT_WAIT_FRACTION}
    of_epochs |= {metrics.PEAK_RSS_MB, metrics.IMAGES_SEEN, metrics.NUM_PARAMETERS}
    dotted = {value for value in own if isinstance(value, str) and "." in value}
    return values | dotted | of_epochs


def test_what_a_run_records_is_named_in_one_place() -> None:
    names = declared()
    assert {"ledger.csv", "images_per_s", "git.commit", "sweep.id", "resumed."} <= names
    for path in MODULES:
        if within(name_of(path), ("record",)):
            continue
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.Constant) and node.value in names:
                allowed = ALSO_ELSEWHERE.get(str(node.value), ())
                assert name_of(path) in allowed, f"{path}:{node.lineno} has {node.value!r}"
