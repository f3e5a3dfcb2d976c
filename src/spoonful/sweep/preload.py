"""What the server of a sweep's processes imports, once for all points."""

import atexit
import importlib
import os

from spoonful.quiet import import_tensorflow
from spoonful.watched import SWEEP_PID, end_with_parent, outlive_parent

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

# The server looks whether the sweep is still there, but not before it has imported all of this:
# 25 s on a machine under load.
end_with_parent(int(os.environ[SWEEP_PID]) if SWEEP_PID in os.environ else None)
import_tensorflow()
for _name in _SLOW:
    importlib.import_module(_name)
outlive_parent()  # its forks may write a checkpoint first

_SERVER = os.getpid()


@atexit.register
def _end_at_once() -> None:
    """Spare the server, but no fork of it, the seconds in which TensorFlow takes itself apart."""
    if os.getpid() == _SERVER:
        os._exit(0)
