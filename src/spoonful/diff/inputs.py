"""Compare the inputs of two trainings: data, split, config, code, versions, hardware."""

from dataclasses import replace

from spoonful.config.settings import flat_settings
from spoonful.diff.finding import Finding, Status, changed, listed
from spoonful.diff.recorded_run import RecordedRun
from spoonful.record.tags import (
    CHANGED_DATA_STEPS_TAG,
    CHANGED_DATA_TAGS,
    COMMIT_TAG,
    CPU_TAG,
    DATA_DIGEST_TAG,
    DIRTY_TAG,
    FINGERPRINT_TAGS,
    GPUS_TAG,
    HARDWARE_TAGS,
    JIT_COMPILE_TAG,
    LOCK_TAG,
    NUM_CORES_TAG,
    ONEDNN_TAG,
    RESUMED_TAGS,
    SPLIT_DIGEST_TAG,
    SYSTEM_TAG,
    VERSION_TAGS,
)

_SHOWN_FIELDS = 20
_SHOWN_VERSIONS = 8
_SHORT = 7  # of a commit
_SHORT_DIGEST = 12
_LOCK = "requirements.lock"
_FINGERPRINTS = (f"{FINGERPRINT_TAGS}train", f"{FINGERPRINT_TAGS}val")
# Memory is not part of it: it does not affect any bit.
_HARDWARE = (CPU_TAG, NUM_CORES_TAG, GPUS_TAG, ONEDNN_TAG, SYSTEM_TAG, JIT_COMPILE_TAG)


def input_findings(a: RecordedRun, b: RecordedRun) -> list[Finding]:
    """Compare data, split, config, code and versions."""
    config = _config(a, b)
    split = _digest("split", SPLIT_DIGEST_TAG, a, b)
    return [_data(a, b, split, config), split, config, _code(a, b), _versions(a, b)]


def notes_on(a: RecordedRun, b: RecordedRun) -> list[Finding]:
    """Return what else is to know: changed data, settings without effect, the hardware."""
    notes = []
    changes = [f"{letter} {words}" for letter, r in (("A", a), ("B", b)) if (words := change_of(r))]
    if changes:
        notes.append(Finding("changed data", Status.OTHER, "; ".join(changes)))
    if a.config is not None and b.config is not None:
        learning = flat_settings(a.learning or {}) | flat_settings(b.learning or {})
        different = changed(flat_settings(a.config), flat_settings(b.config))
        rest = {
            name: values
            for name, values in different.items()
            if name not in learning and name != "tracking.run_name"  # which is shown above
        }
        if rest:
            notes.append(Finding("no effect", Status.OTHER, listed(rest, _SHOWN_FIELDS)))
    if other := other_hardware(hardware_of(a), hardware_of(b)):
        notes.append(Finding("hardware", Status.OTHER, other))
    return notes


def change_of(run: RecordedRun) -> str | None:
    """Return in words where a run continued although its data had changed; None: nowhere."""
    steps = run.tag(CHANGED_DATA_STEPS_TAG)
    if steps is None:
        return None
    known = {name: _fingerprints_over_time(run, name) for name in _FINGERPRINTS}
    places = []
    for number, step in enumerate(steps.split(", ")):
        changes = [
            f"{name} {pair[0]}, then {pair[1]}"
            for name, shorts in known.items()
            if len(pair := shorts[number : number + 2]) == 2 and pair[0] != pair[1]
        ]
        places.append(f"at step {step} ({'; '.join(changes) or 'which is not recorded'})")
    return f"continued with changed data {' and '.join(places)}"


def _fingerprints_over_time(run: RecordedRun, name: str) -> list[str]:
    """Return the short fingerprints of a split before each change of the data, and now."""
    before = run.tag(f"{CHANGED_DATA_TAGS}{name}")
    now = run.tag(name) or "unknown"
    return [] if before is None else [one[:_SHORT_DIGEST] for one in (*before.split(", "), now)]


def other_hardware(a: dict[str, str], b: dict[str, str]) -> str:
    """Return the differences of two machines that may affect bits; empty: none."""
    both = {n.removeprefix(HARDWARE_TAGS): n for n in _HARDWARE if n in a and n in b}
    one, other = ({short: run[name] for short, name in both.items()} for run in (a, b))
    return listed(changed(one, other), len(_HARDWARE))


def hardware_of(run: RecordedRun) -> dict[str, str]:
    """Return the hardware of a run, by the names of its tags."""
    found = {}
    for name in _HARDWARE:
        if name in run.tags:
            resumed = run.tags.get(f"{RESUMED_TAGS}{name}")
            found[name] = run.tags[name] + ("" if resumed is None else f", resumed {resumed}")
    return found


def _versions_of(run: RecordedRun) -> dict[str, str]:
    """Return the versions of Python, the lock and the packages, by name."""
    tagged = {
        name.removeprefix(VERSION_TAGS): value
        for name, value in run.tags.items()
        if name.startswith(VERSION_TAGS)
    }
    lock = run.tags.get(LOCK_TAG)
    found = {
        **({"python": tagged["python"]} if "python" in tagged else {}),
        **({_LOCK: lock[:_SHORT_DIGEST]} if lock else {}),
        **(tagged if run.packages is None else run.packages),
    }
    for name, value in run.tags.items():
        if name.startswith((f"{RESUMED_TAGS}{VERSION_TAGS}", f"{RESUMED_TAGS}{LOCK_TAG}")):
            began = run.tags.get(name.removeprefix(RESUMED_TAGS), "")
            short = name.removeprefix(RESUMED_TAGS).removeprefix(VERSION_TAGS)
            short = short.replace(LOCK_TAG, _LOCK)
            found[short] = f"{began[:_SHORT_DIGEST]}, resumed {value[:_SHORT_DIGEST]}"
    return found


def _data(a: RecordedRun, b: RecordedRun, split: Finding, config: Finding) -> Finding:
    data = _digest("data", DATA_DIGEST_TAG, a, b)
    changed_names = [n for n in {*a.tags, *b.tags} if n.startswith(CHANGED_DATA_TAGS)]
    if any(a.tags.get(name) != b.tags.get(name) for name in changed_names):
        which = _which(change_of(a) is not None, change_of(b) is not None)
        return Finding("data", Status.DIFFERENT, f"{which} continued with changed data, see below")
    if {data.status, split.status, config.status} == {Status.SAME}:
        different = {
            name: (a.tags[name][:_SHORT_DIGEST], b.tags[name][:_SHORT_DIGEST])
            for name in _FINGERPRINTS
            if name in a.tags and name in b.tags and a.tags[name] != b.tags[name]
        }
        if different:  # packed by other versions, or altered since
            detail = (
                f"the same raw images, but what was read of them is not: {listed(different, 2)}"
            )
            return Finding("data", Status.DIFFERENT, detail)
    return data


def _digest(aspect: str, tag: str, a: RecordedRun, b: RecordedRun) -> Finding:
    one, other = a.tag(tag), b.tag(tag)
    if one is not None and other is not None:
        if one == other:
            return Finding(aspect, Status.SAME, one)
        return Finding(aspect, Status.DIFFERENT, f"{one} | {other}")
    read_a = [a.tag(name) for name in _FINGERPRINTS]
    read_b = [b.tag(name) for name in _FINGERPRINTS]
    if None not in read_a and read_a == read_b:
        return Finding(aspect, Status.SAME, "as to the images of train and val, by fingerprint")
    return Finding(aspect, Status.UNKNOWN, f"not recorded in {_which(one is None, other is None)}")


def _config(a: RecordedRun, b: RecordedRun) -> Finding:
    if a.learning is None or b.learning is None:
        missing = _which(a.learning is None, b.learning is None)
        return Finding("config", Status.UNKNOWN, f"no config.yaml can be read of {missing}")
    different = changed(flat_settings(a.learning), flat_settings(b.learning))
    if different:
        return Finding("config", Status.DIFFERENT, listed(different, _SHOWN_FIELDS))
    return Finding("config", Status.SAME, f"{len(flat_settings(a.learning))} keys")


def _code(a: RecordedRun, b: RecordedRun) -> Finding:
    commits_a, commits_b = _commits(a), _commits(b)
    if not commits_a or not commits_b:
        missing = _which(not commits_a, not commits_b)
        return Finding("code", Status.UNKNOWN, f"no git commit was recorded in {missing}")
    if commits_a != commits_b:
        return Finding("code", Status.DIFFERENT, f"commit {_shown(a)} | {_shown(b)}")
    if _is_dirty(a) or _is_dirty(b):
        which = _which(_is_dirty(a), _is_dirty(b))
        detail = f"commit {commits_a[-1][:_SHORT]}, but files differed from it in {which}: "
        return Finding("code", Status.UNKNOWN, detail + "it cannot be told how")
    return Finding("code", Status.SAME, f"commit {_shown(a)}")


def _commits(run: RecordedRun) -> list[str]:
    """Return the commits that a run was trained with: that of its start, and of a resume."""
    tags = (run.tag(COMMIT_TAG), run.tag(f"{RESUMED_TAGS}{COMMIT_TAG}"))
    return [commit for commit in tags if commit is not None]


def _is_dirty(run: RecordedRun) -> bool:
    return "true" in (run.tag(DIRTY_TAG), run.tag(f"{RESUMED_TAGS}{DIRTY_TAG}"))


def _shown(run: RecordedRun) -> str:
    commits = ", resumed at ".join(commit[:_SHORT] for commit in _commits(run))
    return f"{commits} ({'with files that differed from it' if _is_dirty(run) else 'clean'})"


def _versions(a: RecordedRun, b: RecordedRun) -> Finding:
    if a.packages is None or b.packages is None:
        a, b = replace(a, packages=None), replace(b, packages=None)
    found_a, found_b = _versions_of(a), _versions_of(b)
    if not found_a or not found_b:
        missing = _which(not found_a, not found_b)
        return Finding("versions", Status.UNKNOWN, f"not recorded in {missing}")
    different = changed(found_a, found_b)
    if different:
        return Finding("versions", Status.DIFFERENT, listed(different, _SHOWN_VERSIONS))
    rest = [name for name in found_a if name not in ("python", _LOCK)]
    lock = ", the lock" if _LOCK in found_a else ""
    detail = f"python {found_a.get('python', 'unknown')}, {len(rest)} packages{lock}"
    return Finding("versions", Status.SAME, detail)


def _which(in_a: bool, in_b: bool) -> str:
    return "A and B" if in_a and in_b else "A" if in_a else "B"
