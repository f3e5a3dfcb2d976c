"""`spoonful`, with a file that is there while it validates: marked.py FILE <stage> [key=value ...].

The product has no such hook; this file is how a validation is told from outside.
"""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any


def main() -> None:
    """Mark validations and run a stage."""
    marker = Path(sys.argv.pop(1))
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    os.environ["KERAS_BACKEND"] = "tensorflow"
    from spoonful.command_line import main as spoonful
    from spoonful.quiet import import_tensorflow

    import_tensorflow()
    from spoonful.fitting.resumable import Resumable

    marked: Any = Resumable
    marked.on_test_begin = _after(Resumable.on_test_begin, lambda: marker.touch())
    marked.on_epoch_end = _before(Resumable.on_epoch_end, lambda: marker.unlink(missing_ok=True))
    spoonful()


def _after(method: Callable[..., Any], act: Callable[[], object]) -> Callable[..., Any]:
    def both(*arguments: Any, **more: Any) -> Any:
        result = method(*arguments, **more)
        act()
        return result

    return both


def _before(method: Callable[..., Any], act: Callable[[], object]) -> Callable[..., Any]:
    def both(*arguments: Any, **more: Any) -> Any:
        act()
        return method(*arguments, **more)

    return both


if __name__ == "__main__":
    main()
