"""What the server of forks imports, once: all that a command would import by and by.

A training of an epoch on the digits took 18 s of processor time with TensorFlow, Keras and MLflow
alone, and half of that with the rest and a store that is there already (on a slow machine).
"""

import importlib

from spoonful.quiet import import_tensorflow

import_tensorflow()
for _name in (
    "dvc.repo.metrics",
    "dvc.scm",
    "git",
    "matplotlib.backends.backend_agg",
    "mlflow.keras",
    "mlflow.pyfunc.model",
    "mlflow.store.model_registry.sqlalchemy_store",
    "mlflow.store.tracking.sqlalchemy_store",
    "spoonful.evaluation.report",
    "spoonful.figures",
    "spoonful.fitting.model_file",
    "spoonful.fitting.train",
    "spoonful.stages.compare",
    "spoonful.stages.evaluate",
    "spoonful.stages.fetch",
    "spoonful.stages.pack",
    "spoonful.stages.reproduce",
    "spoonful.stages.split",
    "spoonful.stages.sweep",
    "spoonful.stages.train",
    "spoonful.tracking.pages",
    "spoonful.tracking.run",
):
    importlib.import_module(_name)
