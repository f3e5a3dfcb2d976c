"""What the server of forks imports, once."""

from spoonful.quiet import import_tensorflow

import_tensorflow()

import dvc.repo  # noqa: E402, F401
import mlflow.keras  # noqa: E402, F401

import spoonful.evaluation.report  # noqa: E402
import spoonful.fitting.train  # noqa: E402
import spoonful.stages.compare  # noqa: E402
import spoonful.stages.train  # noqa: E402
import spoonful.tracking.run  # noqa: E402, F401
