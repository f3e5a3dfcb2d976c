"""System metrics of a run, also of a short one."""

import logging
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress

from mlflow.exceptions import MlflowException
from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

Log = Callable[[Mapping[str, float], int], object]


class SystemMetrics(SystemMetricsMonitor):
    """MLflow's monitor without its requests to the server.

    MLflow's own asks the server at each sample, and ends without an answer; this one passes its
    samples on. MLflow's also records nothing if a run ends before its first interval: the
    tutorial's run takes 3 s on a fast machine and the interval is 5 s. Such a run gets the sample
    from its start.

    Args:
        uri: URI of the store.
        run_id: the run to record.
        interval_s: time between two samples.
        log: takes metrics and their step.
        resume_logging: continue the sample count of the run.
    """

    def __init__(
        self, uri: str, run_id: str, interval_s: float, log: Log, resume_logging: bool = False
    ) -> None:
        # At each start it reports which kinds of GPU are missing.
        logging.getLogger("mlflow.system_metrics").setLevel(logging.ERROR)
        super().__init__(run_id, resume_logging=resume_logging, tracking_uri=uri)
        self.sampling_interval = interval_s
        self._log = log
        self._first_step = self._logging_step

    def monitor(self) -> None:
        """Sample until the run ends."""
        with suppress(MlflowException, OSError):  # the run reports a store that went down
            while not self._shutdown_event.is_set():
                self.collect_metrics()
                if not self._shutdown_event.wait(self.sampling_interval):
                    self.publish_metrics(self.aggregate_metrics())
            if self._logging_step == self._first_step and self.monitors[0].metrics:
                self.publish_metrics(self.aggregate_metrics())

    def publish_metrics(self, metrics: Mapping[str, float]) -> None:
        """Pass on a sample."""
        self._log({f"system/{name}": value for name, value in metrics.items()}, self._logging_step)
        self._logging_step += 1
        for monitor in self.monitors:
            monitor.clear_metrics()

    def finish(self) -> None:
        """Take no more samples."""
        self._shutdown_event.set()
        thread: threading.Thread | None = self._process
        if thread is not None:
            thread.join()
