"""What the server of a sweep's processes imports, once for all points."""

import atexit
import importlib
import os

from spoonful.quiet import import_tensorflow

# What a training imports as it goes; by name, for it is the others' business.
_SLOW = (
    "hydra",
    "mlflow.keras",
    "mlflow.store.tracking.sqlalchemy_store",
    "dvc.repo",
    "spoonful.figures",
    "spoonful.fitting.train",
    "spoonful.tracking.run",
)

import_tensorflow()
for _name in _SLOW:
    importlib.import_module(_name)

_SERVER = os.getpid()


@atexit.register
def _end_at_once() -> None:
    """Spare the server, but no fork of it, the seconds in which TensorFlow takes itself apart."""
    if os.getpid() == _SERVER:
        os._exit(0)
