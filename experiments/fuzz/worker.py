"""The process that is watched: reads one damaged input after the other, and says how each ended.

    python worker.py MODULE CLASS SEED FOLDER LIMIT_MIB

Numbers come on stdin, a line each. Three lines of JSON answer each: what the input is, how the
reading ended, and what a second look says of what was served; so a crash is known to be that of
the reading, not of a reference. What else is written to stdout or stderr goes into a file.
"""

import importlib
import json
import os
import resource
import sys
import time
from pathlib import Path
from typing import IO, Any, Protocol

from outcome import (
    EXCEPTION,
    GOOD,
    LARGE,
    NOISY,
    REFUSED,
    SERVED,
    UNCLEAR,
    Case,
    Refusal,
)

from spoonful.errors import SpoonfulError

# Far above what is a finding: the machine must survive it.
_ADDRESS_SPACE = 12 << 30
_SHOWN = 300


class Inputs(Protocol):
    """Damaged inputs by number; made with (seed, folder to work in)."""

    def make(self, number: int) -> tuple[Case, Any]:
        """Return what an input is, and the input."""
        ...

    def read(self, made: Any) -> Any:
        """Read the input as a user's command would; SpoonfulError where it is refused."""
        ...

    def names(self, made: Any) -> tuple[str, ...]:
        """Return the names of which a refusal must hold one."""
        ...

    def judge(self, made: Any, served: Any) -> tuple[str, str]:
        """Return what is to be said of what was served, and a detail."""
        ...


def main() -> None:
    """Answer until stdin ends."""
    module, name, seed, folder, limit_mib = sys.argv[1:]
    resource.setrlimit(resource.RLIMIT_AS, (_ADDRESS_SPACE, _ADDRESS_SPACE))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    noise = (Path(folder) / "noise").open("a+b")  # "a": written at its end, also once emptied
    for descriptor in (1, 2):
        os.dup2(noise.fileno(), descriptor)
    inputs: Inputs = getattr(importlib.import_module(module), name)(int(seed), Path(folder))
    _answer(answers, {"ready": True})
    for line in sys.stdin:
        number = int(line)
        case, made = inputs.make(number)
        _answer(answers, {"case": vars(case)})
        noise.truncate(0)
        served, told = _watched(inputs, made, noise, int(limit_mib))
        _answer(answers, told)
        if told["end"] == SERVED:
            told["end"], told["detail"] = inputs.judge(made, served)
        if told["noise"] and told["end"] in GOOD:
            told["end"], told["detail"] = NOISY, f"{told['noise']}; {told['end']}: {told['detail']}"
        _answer(answers, told)


def _answer(answers: IO[str], content: dict[str, Any]) -> None:
    answers.write(json.dumps(content) + "\n")
    answers.flush()


def _watched(
    inputs: Inputs, made: Any, noise: IO[bytes], limit_mib: int
) -> tuple[Any, dict[str, Any]]:
    """Read an input; return what was served, and how it ended."""
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    served, end, detail = None, SERVED, ""
    begin = time.perf_counter()
    try:
        served = inputs.read(made)
    except Refusal as refusal:
        end, detail = REFUSED, str(refusal)
    except SpoonfulError as error:
        end, detail = REFUSED, str(error)
        if "\n" in detail or not any(name in detail for name in inputs.names(made)):
            end = UNCLEAR
    except BaseException as error:
        end, detail = EXCEPTION, f"{type(error).__name__}: {error}"
    seconds = time.perf_counter() - begin
    peak_mib = _peak_mib()
    if peak_mib > limit_mib:
        end, detail = LARGE, f"{peak_mib:.0f} MiB; {end}: {detail}"
    sys.stdout.flush()
    sys.stderr.flush()
    written = os.pread(noise.fileno(), _SHOWN, 0)
    told = {"end": end, "detail": detail[: 2 * _SHOWN], "seconds": seconds, "peak_mib": peak_mib}
    return served, {**told, "noise": repr(written.decode(errors="replace")) if written else ""}


def _peak_mib() -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    return 0.0


if __name__ == "__main__":
    main()
