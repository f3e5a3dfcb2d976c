"""Measure how long training waits for its input."""


def input_wait_s(begin: float, end: float, ready_times: list[float | None]) -> float:
    """Return how many seconds between begin and end were spent waiting for batches.

    A call into TensorFlow runs k steps, each of which needs its batch; only the whole call can be
    timed. If every step computes for c seconds, the call ends at the maximum of begin + k c and
    ready_j + (k - j) c; solved for c, the remaining time was waiting.

    Args:
        begin: when the call began, in s.
        end: when it ended, in s.
        ready_times: for each of its k steps, when the batch was ready; None counts as in time.

    Returns:
        0 <= wait <= end - begin.
    """
    num_steps = len(ready_times)
    duration = max(end - begin, 0.0)
    if num_steps == 0:
        return 0.0
    compute_s = duration / num_steps
    for position, ready in enumerate(ready_times):
        if ready is not None:
            compute_s = min(compute_s, max(end - ready, 0.0) / (num_steps - position))
    return duration - num_steps * compute_s
