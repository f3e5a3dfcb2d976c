"""System metrics of a run, also of a short one."""

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress

from mlflow.exceptions import MlflowException

from spoonful.tracking.mlflow_private import system_monitors

PREFIX = "system/"

Log = Callable[[Mapping[str, float], int], object]


class SystemMetrics:
    """MLflow's system metrics, passed on instead of sent to the server.

    A run that ends before its first interval gets the sample from its start: the tutorial's run
    takes 3 s on a fast machine and the interval is 5 s.

    Args:
        interval_s: time between two samples.
        log: takes metrics and their step.
        first_step: step of the first sample.
    """

    def __init__(self, interval_s: float, log: Log, first_step: int = 0) -> None:
        self._interval_s = interval_s
        self._log = log
        self._step = first_step
        self._monitors = system_monitors()
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="spoonful-system", daemon=True)
        self._thread.start()

    def finish(self) -> None:
        """Take no more samples."""
        self._is_over.set()
        self._thread.join()

    def _run(self) -> None:
        is_first = True
        with suppress(MlflowException, OSError):  # the run reports a store that went down
            while is_first or not self._is_over.is_set():
                for monitor in self._monitors:
                    monitor.collect_metrics()
                if not self._is_over.wait(self._interval_s) or is_first:
                    self._pass_on()
                is_first = False

    def _pass_on(self) -> None:
        """Pass on a sample."""
        means = {n: v for monitor in self._monitors for n, v in monitor.aggregate_metrics().items()}
        for monitor in self._monitors:
            monitor.clear_metrics()
        if means:
            self._log({f"{PREFIX}{name}": value for name, value in means.items()}, self._step)
            self._step += 1
