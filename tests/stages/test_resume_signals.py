"""`spoonful train` ended by Ctrl-C and SIGTERM, once and twice."""

import signal
import subprocess
import time
from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.slow

Spoonful = Callable[..., "subprocess.CompletedProcess[str]"]
AUTO = "trainer.resume=auto"
ENDLESS = ["model=mlp", "trainer.epochs=100000"]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_leaves_a_checkpoint_and_says_how_to_go_on(
    processes: Any, spoonful: Spoonful, number: int, code: int
) -> None:
    returned, _, errors = processes.interrupted_by(number, *ENDLESS)
    assert returned == code
    assert "Traceback" not in errors
    (run,) = processes.runs()
    assert run.info.status == "KILLED"
    assert f"trainer.resume={run.info.run_id}" in errors
    step = processes.checkpoint_steps()[-1]
    assert f"ended after step {step:,}" in errors
    # Gone on with, it is the same run; the same signal ends it again.
    again, output, _ = processes.interrupted_by(number, *ENDLESS, AUTO)
    assert again == code
    assert f"resuming mlp-adam-b32-full-s0, run {run.info.run_id}, after step {step:,}" in output
    assert processes.checkpoint_steps()[-1] >= step
    (run,) = processes.runs()
    assert run.info.status == "KILLED"


def test_the_second_ctrl_c_ends_it_at_once(processes: Any) -> None:
    # One execution an epoch, of 5 s on 2 cores: the first signal has to wait for its end.
    slow = ["model=cnn", "model.num_filters=[512,1024]", "trainer.steps_per_execution=1000"]
    process = processes.start("train", *slow, "trainer.epochs=1000")
    try:
        assert processes.wait_for(lambda: bool(processes.checkpoint_steps()), process, "checkpoint")
        process.send_signal(signal.SIGINT)
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        begin = time.monotonic()
        _, errors = process.communicate(timeout=60)
        waited_s = time.monotonic() - begin
    finally:
        process.kill()
    assert process.returncode == 130
    assert "a second signal stops at once" in errors
    assert waited_s < 5
    (run,) = processes.runs()
    assert run.info.status == "KILLED"


@pytest.mark.parametrize("later_s", [0.02, 0.4])
def test_a_second_ctrl_c_while_it_ends_does_no_harm(processes: Any, later_s: float) -> None:
    process = processes.start_command("train", *ENDLESS)
    try:
        assert processes.wait_for(lambda: bool(processes.checkpoint_steps()), process, "checkpoint")
        process.send_signal(signal.SIGINT)
        time.sleep(later_s)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    # While Python puts itself away, it is the signal that ends it: 130 to a shell as well.
    assert process.returncode in (130, -signal.SIGINT)
    assert "Traceback" not in errors
    (run,) = processes.runs()
    assert run.info.status == "KILLED"
    assert processes.checkpoint_steps()
