"""What must match the record for a run to give the same result when trained again."""

from collections.abc import Mapping

from spoonful.config.compose import compose_config
from spoonful.config.fields import AUTO, shown
from spoonful.config.schema import Config
from spoonful.config.settings import flat_settings, learning_settings
from spoonful.diff.finding import changed
from spoonful.diff.inputs import change_of
from spoonful.diff.recorded_run import RecordedRun
from spoonful.errors import SpoonfulError
from spoonful.record.tags import (
    CODE_TAGS,
    COMMIT_TAG,
    FINGERPRINT_TAGS,
    GIT_TAGS,
    HARDWARE_TAGS,
    LOCK_TAG,
    PROJECT_COMMIT_TAG,
    PROJECT_GIT_TAGS,
    PYTHON_TAG,
    RESUMED_TAGS,
)
from spoonful.workflow.data import open_train_and_val
from spoonful.workflow.foreign_code import foreign_code
from spoonful.workflow.image_size import IMAGE_SIZE
from spoonful.workflow.shuffle_choice import SHUFFLE

_SHOWN_PACKAGES = 5
_SHORT = 12
_RESUME = ("trainer.resume=", "trainer.accept_changed_data=")


def overrides_of(run: RecordedRun) -> list[str]:
    """Return the recorded overrides, except the one that resumed an interrupted run."""
    return [text for text in run.overrides if not text.lstrip("+").startswith(_RESUME)]


def not_as_recorded(run: RecordedRun, recorded: Config) -> list[str]:
    """List each difference from the record in code, data, lock, packages and config.

    Args:
        run: the recorded run.
        recorded: its config.
    """
    return [
        *_checkouts(run),
        *_own_code(run, recorded),
        *_resumed(run),
        *_changed_data(run),
        *_data(run, recorded),
        *_lock(run),
        *_packages(run),
        *_config(run),
    ]


def _checkouts(run: RecordedRun) -> list[str]:
    """Compare the checkout of the code, and the project's if that is another one."""
    from spoonful.tracking.environment import code_version

    now = code_version()
    code, project = run.tag(COMMIT_TAG), run.tag(PROJECT_COMMIT_TAG)
    if code is None:
        found = ["code (the run recorded no git commit: what it was is not known)"]
    else:
        found = _checkout(run, "code", GIT_TAGS, code, now)
    if project is not None and PROJECT_COMMIT_TAG in now:
        found += _checkout(run, "project", PROJECT_GIT_TAGS, project, now)
    return found


def _own_code(run: RecordedRun, recorded: Config) -> list[str]:
    """Compare the files of the user's own components."""
    then = {
        name.removeprefix(CODE_TAGS): digest
        for name, digest in run.tags.items()
        if name.startswith(CODE_TAGS)
    }
    return [
        f"code of the module {name} (recorded SHA-256 {str(a)[:_SHORT]}, now {str(b)[:_SHORT]})"
        for name, (a, b) in changed(then, foreign_code(recorded)).items()
    ]


def _checkout(
    run: RecordedRun, what: str, prefix: str, then: str, now: Mapping[str, str]
) -> list[str]:
    short, found = then[:_SHORT], []
    if run.tag(f"{prefix}dirty") == "true":
        found.append(f"{what} (files differed from commit {short} then: how is not known)")
    commit, is_dirty = now[f"{prefix}commit"], now[f"{prefix}dirty"] == "true"
    if commit == "none":
        found.append(f"{what} (recorded at commit {short}, now outside of git)")
    elif commit != then:
        changes, first = (" and changed files", "`git stash -u`, then ") if is_dirty else ("", "")
        found.append(
            f"{what} (recorded at commit {short}, now {commit[:_SHORT]}{changes}: {first}"
            f"`git checkout {short}`)"
        )
    elif is_dirty:
        found.append(f"{what} (files differ from commit {short} now: see `git status`)")
    return found


def _resumed(run: RecordedRun) -> list[str]:
    """Name what changed between the start of the run and its resumption."""
    changes = {
        name.removeprefix(RESUMED_TAGS): now
        for name, now in run.tags.items()
        if name.startswith(RESUMED_TAGS) and not name.startswith(f"{RESUMED_TAGS}{HARDWARE_TAGS}")
    }
    return [
        f"{name} (the run began with {run.tags[name][:_SHORT]}, and was resumed with "
        f"{now[:_SHORT]}: its bits come of both)"
        for name, now in changes.items()
    ]


def _changed_data(run: RecordedRun) -> list[str]:
    """Name the change of the data that a run was resumed in spite of."""
    words = change_of(run)
    return [] if words is None else [f"data (the run {words}: its bits come of both)"]


def _data(run: RecordedRun, recorded: Config) -> list[str]:
    try:
        sources = open_train_and_val(recorded)
    except SpoonfulError as error:
        return [f"data ({error})"]
    found = []
    for split, source in zip(("train", "val"), sources, strict=True):
        then = run.tag(f"{FINGERPRINT_TAGS}{split}")
        if then != source.fingerprint:
            recorded_one = "none" if then is None else then[:_SHORT]
            now = source.fingerprint[:_SHORT]
            found.append(f"{split} data (recorded fingerprint {recorded_one}, now {now})")
    if found:
        found[-1] += ": `dvc checkout`, or `spoonful fetch`, `split` and `pack` with the overrides"
    return found


def _lock(run: RecordedRun) -> list[str]:
    from spoonful.tracking.environment import lock_digest

    then, now = run.tags.get(LOCK_TAG, "none"), lock_digest()[LOCK_TAG]
    if then == now:
        return []
    if LOCK_TAG not in run.tags:
        return ["requirements.lock (not recorded)"]
    return [f"requirements.lock (recorded {then[:_SHORT]}, now {now[:_SHORT]})"]


def _packages(run: RecordedRun) -> list[str]:
    from spoonful.tracking.environment import installed_packages, package_versions

    if run.packages is None:
        return ["packages (which were installed was not recorded)"]
    then = {"python": run.tags.get(PYTHON_TAG, "none"), **run.packages}
    now = {"python": package_versions()[PYTHON_TAG], **installed_packages()}
    different = changed(then, now)
    if not different:
        return []
    names = [f"{name} (recorded {a}, now {b})" for name, (a, b) in different.items()]
    more = len(names) - _SHOWN_PACKAGES
    rest = f" and {more} more" if more > 0 else ""
    return [f"packages {', '.join(names[:_SHOWN_PACKAGES])}{rest}: `make setup`"]


def _config(run: RecordedRun) -> list[str]:
    try:
        present = compose_config(overrides_of(run))
    except SpoonfulError as error:
        return [f"config (the recorded overrides no longer compose: {error})"]
    then = flat_settings(run.learning or {})
    now = flat_settings(learning_settings(present))
    # What was chosen for auto is recorded: another memory or another size is no other config.
    for name in (SHUFFLE, IMAGE_SIZE):
        if now.get(name) == AUTO and name in then:
            now[name] = then[name]
    return [
        f"config {name} (recorded {shown(a)}, now {shown(b)})"
        for name, (a, b) in changed(then, now).items()
    ]
