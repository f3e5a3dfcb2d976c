import urllib.parse

import pytest

from spoonful.compare.runs import DEFAULT_SCORE, Score
from spoonful.config.compose import compose_config
from spoonful.config.schema import TrackingConfig
from spoonful.tracking.pages import points_page, run_page, server_address
from spoonful.tracking.store import is_server


def tracking(*overrides: str) -> TrackingConfig:
    return compose_config(list(overrides)).tracking


@pytest.mark.parametrize(
    ("overrides", "address", "served"),
    [
        (["tracking.ui_port=5123"], "http://127.0.0.1:5123", False),
        (["tracking.uri=http://ml.example:81"], "http://ml.example:81", True),
        (["tracking.uri=https://ml.example/x/"], "https://ml.example/x", True),
        # An address is passed on, its password is not.
        (["tracking.uri='http://ann:secret@ml.example:81/x/'"], "http://ml.example:81/x", True),
    ],
)
def test_the_pages_are_at_the_server_of_the_store(
    overrides: list[str], address: str, served: bool
) -> None:
    config = tracking(*overrides)
    assert server_address(config) == address
    assert is_server(config) == served


def test_a_run_has_its_page() -> None:
    assert run_page("12", "ab") == "#/experiments/12/runs/ab?workflowType=machine_learning"


@pytest.mark.parametrize(
    ("score", "is_ascending"),
    [(DEFAULT_SCORE, "false"), (Score("val_mean_absolute_error", is_more_better=False), "true")],
)
def test_the_points_of_a_sweep_are_searched_for_the_best_first(
    score: Score, is_ascending: str
) -> None:
    path, _, query = points_page("12", "ab", "CHART", score).partition("?")
    assert path == "#/experiments/12/runs"
    assert dict(urllib.parse.parse_qsl(query, strict_parsing=True)) == {
        "workflowType": "machine_learning",
        "searchFilter": "tags.`mlflow.parentRunId` = 'ab'",
        "orderByKey": f"metrics.`{score.metric}`",
        "orderByAsc": is_ascending,
        "compareRunsMode": "CHART",
    }
