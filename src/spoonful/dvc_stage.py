"""A command that runs as a DVC stage ends when DVC has been killed."""

import os

from spoonful.watched import end_after, end_self, wait_for_end

# Time for a step and a checkpoint of several GB; then it is killed.
_END_LIMIT_S = 60.0
_STAGE = "DVC_STAGE"  # DVC sets it for the commands that it runs


def end_with_dvc() -> None:
    """If DVC runs this process, end as by SIGTERM once DVC has ended in any way.

    Otherwise a training would continue unseen, while the next `dvc repro` trains the same again.
    """
    pid = _dvc_pid()
    if pid is not None:
        end_after(lambda: wait_for_end(pid), _END_LIMIT_S, end_self)


def _dvc_pid() -> int | None:
    """Return the nearest ancestor process outside this stage; shells of the stage are inside it."""
    stage = os.environ.get(_STAGE)
    if stage is None:
        return None
    import psutil

    for process in psutil.Process().parents():
        try:
            if process.environ().get(_STAGE) != stage:
                return int(process.pid)
        except psutil.Error:  # of another user, or it has just ended
            return None
    return None
