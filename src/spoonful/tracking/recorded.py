"""Read the record of a run."""

import hashlib
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlflow.entities import Run
from mlflow.tracking import MlflowClient

from spoonful.config.recorded import settings_from_yaml
from spoonful.config.schema import TrackingConfig
from spoonful.diff.recorded_run import RecordedRun, outcome_metrics
from spoonful.errors import SpoonfulError
from spoonful.files.documents import decoded, parsed_json, read_bytes, shaped, unexpected
from spoonful.record.files import CONFIG_NAME, ENVIRONMENT_NAME, LEDGER_NAME, OVERRIDES_NAME
from spoonful.record.ledger import TRAIN, VAL, Row, from_csv, overall_digest
from spoonful.record.tags import CHECKSUM_TAGS, DIGEST_TAGS
from spoonful.tracking.finding import NUM_LISTED, all_experiments, as_logged, began, listed
from spoonful.tracking.refusals import opened_store

_REMAKE = "bring the file back, or take another run"
_ID = re.compile(r"[0-9a-f]{1,32}")


@dataclass(frozen=True)
class _Environment:
    packages: dict[str, str]


def read_run(config: TrackingConfig, run_id: str) -> RecordedRun:
    """Read a run from MLflow.

    Args:
        config: where it is recorded.
        run_id: its id, or a unique prefix of it.

    Raises:
        SpoonfulError: no run or several have this prefix (they are listed), or a file of the run
            cannot be read.
    """
    with opened_store(config) as client:
        run = _found(client, run_id)
        own = run.info.run_id
        files = _files(client, run)
        metrics = {
            name: {m.step: as_logged(m.value) for m in client.get_metric_history(own, name)}
            for name in outcome_metrics(run.data.metrics)
            if name in run.data.metrics
        }
    overrides = files.get(OVERRIDES_NAME, "")
    return RecordedRun(
        run_id=own,
        name=run.info.run_name or "",
        status=run.info.status,
        started=began(run),
        tags=dict(run.data.tags),
        config=_config(run, files.get(CONFIG_NAME)),
        overrides=[line for line in overrides.split("\n") if line],
        packages=_packages(run, files.get(ENVIRONMENT_NAME)),
        metrics=metrics,
        ledger=_ledger(run, files.get(LEDGER_NAME)),
    )


def _found(client: MlflowClient, run_id: str) -> Run:
    experiments = all_experiments(client)
    if not _ID.fullmatch(run_id):
        raise SpoonfulError(
            f"{run_id}: expected the id of a run in MLflow or its beginning, of the figures 0-9 "
            f"and a-f; {_newest(client, experiments)}"
        )
    runs = client.search_runs(
        experiments, f"attributes.run_id LIKE '{run_id}%'", max_results=NUM_LISTED + 1
    )
    if not runs:
        raise SpoonfulError(
            f"{run_id}: MLflow has no run whose id starts with this; {_newest(client, experiments)}"
        )
    if len(runs) > 1:
        more = " and more" if len(runs) > NUM_LISTED else ""
        raise SpoonfulError(
            f"{run_id}: several runs start with this: {listed(runs)}{more}; give more of the id"
        )
    return runs[0]


def _newest(client: MlflowClient, experiments: list[str]) -> str:
    runs = client.search_runs(experiments, order_by=["start_time DESC"], max_results=NUM_LISTED)
    return f"the newest are {listed(runs)}" if runs else "it has no runs at all"


def _files(client: MlflowClient, run: Run) -> dict[str, str]:
    """Return the text of the files that describe the inputs of a run, as far as they exist.

    Raises:
        SpoonfulError: one is not the file that was recorded, or is lost. Runs recorded before
            checksums existed have none.
    """
    there = {file.path for file in client.list_artifacts(run.info.run_id)}
    texts = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in (CONFIG_NAME, OVERRIDES_NAME, ENVIRONMENT_NAME, LEDGER_NAME):
            # Two if the process was killed while it replaced one file with another.
            digests = run.data.tags.get(f"{CHECKSUM_TAGS}{name}", "").split()
            if name not in there:
                if digests:
                    raise unexpected(_place(run, name), f"a file{_with(digests)}", "none", _REMAKE)
                continue
            content = read_bytes(
                Path(client.download_artifacts(run.info.run_id, name, folder)), _REMAKE
            )
            found = hashlib.sha256(content).hexdigest()
            if digests and found not in digests:
                expected = f"content{_with(digests)}, as the run's tag says"
                raise unexpected(_place(run, name), expected, found, _REMAKE)
            texts[name] = decoded(content, _place(run, name), _REMAKE)
    return texts


def _with(digests: list[str]) -> str:
    return f" with the SHA-256 {' or '.join(digests)}"


def _config(run: Run, text: str | None) -> dict[str, Any] | None:
    if text is None:
        return None
    try:
        return settings_from_yaml(text)
    except ValueError as error:
        raise unexpected(_place(run, CONFIG_NAME), "a config", str(error), _REMAKE) from error


def _packages(run: Run, text: str | None) -> dict[str, str] | None:
    if text is None:
        return None
    path = _place(run, ENVIRONMENT_NAME)
    return shaped(parsed_json(text, path, _REMAKE), _Environment, path, _REMAKE).packages


def _ledger(run: Run, text: str | None) -> list[Row] | None:
    if text is None:
        return None
    path = _place(run, LEDGER_NAME)
    rows = from_csv(text, path)
    for stream in (TRAIN, VAL):
        wanted = run.data.tags.get(f"{DIGEST_TAGS}{stream}")
        # In a killed run, one may be newer than the other.
        is_whole = run.info.status == "FINISHED" and wanted is not None
        if is_whole and overall_digest(rows, stream) != wanted:
            expected = f"rows of {stream} with the digest {wanted}, as the run's tag says"
            raise unexpected(path, expected, overall_digest(rows, stream), _REMAKE)
    return rows


def _place(run: Run, name: str) -> str:
    return f"run {run.info.run_id}: its {name} in {run.info.artifact_uri}"
