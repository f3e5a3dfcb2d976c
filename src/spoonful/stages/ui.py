"""`spoonful ui`: the MLflow UI on the store that runs are recorded in."""

import os
import sys

from spoonful.config.schema import Config
from spoonful.errors import SpoonfulError
from spoonful.project import ARTIFACTS_DIR_NAME, store_root
from spoonful.stages.unsent import settle_store


def run(config: Config) -> None:
    """Become the MLflow server; Ctrl-C ends it."""
    from spoonful.tracking.pages import experiments_page
    from spoonful.tracking.store import is_server, named_store, prepare_store

    uri = prepare_store(config.tracking)
    if is_server(config.tracking):
        raise SpoonfulError(
            f"{named_store(config.tracking)} is a server already: open it in a browser"
        )
    settle_store(config.tracking)
    port = config.tracking.ui_port
    print(f"MLflow UI on http://127.0.0.1:{port}/{experiments_page()} (Ctrl-C ends it)", flush=True)
    # One worker and no job runner: 2 processes and 15 s to start instead of 12 and 30 s.
    environment = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    command = [sys.executable, "-m", "mlflow", "ui", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--workers", "1", "--backend-store-uri", uri]
    command += ["--default-artifact-root", (store_root() / ARTIFACTS_DIR_NAME).as_uri()]
    os.execve(sys.executable, command, environment)
