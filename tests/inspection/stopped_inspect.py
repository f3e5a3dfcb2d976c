"""Run `spoonful` and send this process a signal once a number of batches is in the cache.

    python -m tests.inspection.stopped_inspect SIGNAL BATCHES inspect FOLDER

The signal comes at that moment however loaded the machine is; from outside it may come too late.
"""

import os
import sys
from collections.abc import Iterable

from spoonful import command_line
from spoonful.inspection.decoded import DecodedFiles
from spoonful.inspection.measure import Measured

keep = DecodedFiles.keep


def main(number: int, num_batches: int, arguments: list[str]) -> None:
    left = num_batches

    def stopped(self: DecodedFiles, results: Iterable[Measured]) -> None:
        nonlocal left
        keep(self, results)
        left -= 1
        if left == 0:
            os.kill(os.getpid(), number)

    DecodedFiles.keep = stopped  # type: ignore[method-assign]
    sys.argv = ["spoonful", *arguments]
    command_line.main()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
