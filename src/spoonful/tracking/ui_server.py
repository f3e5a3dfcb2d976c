"""MLflow's command line, whose processes end when the process that started it ends.

    python -m spoonful.tracking.ui_server PID ARGUMENT ...

It leads its own process group, and all processes of the group are ended once the process PID is
gone: if killed, that process cannot end them.
"""

import os
import runpy
import sys

from spoonful.watched import end_after, wait_for_end

_END_LIMIT_S = 5.0  # the server's processes end within a second


def main() -> None:
    """Run MLflow with the arguments given."""
    pid, *arguments = sys.argv[1:]
    end_after(lambda: wait_for_end(int(pid)), _END_LIMIT_S, lambda number: os.killpg(0, number))
    sys.argv = ["mlflow", *arguments]
    runpy.run_module("mlflow", run_name="__main__")


if __name__ == "__main__":
    main()
