"""What the machine did during a run, also a short one."""

from contextlib import suppress

from mlflow.exceptions import MlflowException
from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor


class SystemMetrics(SystemMetricsMonitor):
    """MLflow's monitor, which records nothing of a run that ends before its first interval.

    The tutorial's run takes 3 s on a fast machine and the interval is 5 s: such a run gets the
    sample that was taken at its start.

    Args:
        run_id: the run to record; how often is MLflow's setting.
        resume_logging: count the samples on from those that the run has.
    """

    def __init__(self, run_id: str, resume_logging: bool = False) -> None:
        super().__init__(run_id, resume_logging=resume_logging)
        self._first_step = self._logging_step

    def monitor(self) -> None:
        """Sample until the run ends."""
        super().monitor()
        if self._logging_step == self._first_step and self.monitors[0].metrics:
            with suppress(MlflowException):  # a store that went away is the run's to report
                self.publish_metrics(self.aggregate_metrics())
