"""Imports of the server of a sweep's processes, once for all points."""

import atexit
import importlib
import os

from spoonful.quiet import import_tensorflow
from spoonful.watched import SWEEP_PID, end_with_parent, outlive_parent

# Modules that a training imports while it runs; by name, because only others use them.
_SLOW = (
    "hydra",
    "mlflow.keras",
    "mlflow.store.tracking.sqlalchemy_store",
    "dvc.repo",
    "spoonful.figures",
    "spoonful.fitting.train",
    "spoonful.tracking.run",
)

# The server checks whether the sweep still runs, but only after all these imports: 25 s on a
# machine under load.
end_with_parent(int(os.environ[SWEEP_PID]) if SWEEP_PID in os.environ else None)
import_tensorflow()
for _name in _SLOW:
    importlib.import_module(_name)
outlive_parent()  # its forks may write a checkpoint first

_SERVER = os.getpid()


@atexit.register
def _end_at_once() -> None:
    """Skip the seconds of TensorFlow's shutdown in the server, but not in its forks."""
    if os.getpid() == _SERVER:
        os._exit(0)
