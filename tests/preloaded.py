"""What the server of forks imports, once: all that a command would import by and by.

A training of an epoch on the digits took 18 s of processor time with TensorFlow, Keras and MLflow
alone, and half of that with most of the rest and a store that is there already (on a slow machine).
What came last made 3.8 s of 4.5 s for a training, 2.2 s of 3.0 s for `spoonful evaluate`.
"""

import gc
import importlib

from spoonful.quiet import import_tensorflow

import_tensorflow()
for _name in (
    "PIL.JpegImagePlugin",
    "dvc.cachemgr",
    "dvc.data_cloud",
    "dvc.lock",
    "dvc.repo.metrics",
    "dvc.repo.plots",
    "dvc.scm",
    "git",
    "matplotlib.backends.backend_agg",
    "matplotlib.backends.backend_svg",
    "mlflow.keras",
    "mlflow.pyfunc.model",
    "mlflow.store.model_registry.sqlalchemy_store",
    "mlflow.store.tracking.sqlalchemy_store",
    "mlflow.store.tracking.sqlalchemy_workspace_store",
    "mlflow.system_metrics.metrics.cpu_monitor",
    "mlflow.system_metrics.metrics.gpu_monitor",
    "pyarrow.pandas_compat",
    "pydantic.dataclasses",
    "sklearn.metrics",
    "sklearn.preprocessing",
    "spoonful.compare.report",
    "spoonful.evaluation.classification",
    "spoonful.evaluation.report",
    "spoonful.figures",
    "spoonful.fitting.custom_objects",
    "spoonful.fitting.model_file",
    "spoonful.fitting.train",
    "spoonful.stages.compare",
    "spoonful.stages.evaluate",
    "spoonful.stages.fetch",
    "spoonful.stages.inspect",
    "spoonful.stages.pack",
    "spoonful.stages.preview",
    "spoonful.stages.reproduce",
    "spoonful.stages.split",
    "spoonful.stages.sweep",
    "spoonful.stages.train",
    "spoonful.tracking.added",
    "spoonful.tracking.pages",
    "spoonful.tracking.run",
    "spoonful.tracking.sweeps",
    "spoonful.workflow.packed_split",
):
    importlib.import_module(_name)
# Which package a module is of, as MLflow asks when a model is recorded: it reads what is installed.
importlib.import_module("mlflow.utils.requirements_utils")._init_packages_to_modules_map()
gc.freeze()  # a collection in a fork would copy what it looks at
