"""Start `spoonful train` and write the processor time of each part until its first step.

`start_time.py --phases` calls it, with the arguments of `spoonful`.
"""

import functools
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import spoonful.command_line
import spoonful.config.compose
import spoonful.workflow.training as training

# The callback that ends the training is imported with the config, and Keras with it.
_IMPORTS = "composing the config, importing TensorFlow and Keras"
# What is called once, and not inside another of them; and what it does, in words.
_PARTS = (
    (spoonful.config.compose, "compose_config", _IMPORTS),
    (training, "open_train_and_val", "opening the data"),
    (training, "prepare_store", "opening the store of runs (SQLAlchemy)"),
    (training, "settle_store", "looking for what an earlier run could not send (imports MLflow)"),
    (training, "import_tensorflow", _IMPORTS),
    (training, "run_tags", "commit, versions, hardware"),
    (training, "log_inputs", "recording the inputs (DVC's hash of the data)"),
)


def main() -> None:
    """Run the command, timed."""
    spent: dict[str, float] = {}

    def note(words: str, seconds: float) -> None:
        spent[words] = spent.get(words, 0.0) + seconds
        Path(os.environ["PHASES"]).write_text(json.dumps(spent))

    for module, name, words in _PARTS:
        setattr(module, name, _timed(getattr(module, name), words, note))
    _time_fit(note)
    spoonful.command_line.main(sys.argv[1:])


def _timed(function: Any, words: str, note: Any) -> Any:
    @functools.wraps(function)
    def timed(*given: Any, **named: Any) -> Any:
        begin = time.process_time()
        result = function(*given, **named)
        note(words, time.process_time() - begin)
        return result

    return timed


def _time_fit(note: Any) -> None:
    """Time from the beginning of `fit`, which imports nothing of ours, to the first step."""
    start = training._fit

    def fit(*given: Any, **named: Any) -> Any:
        import first_step
        import keras

        whole, begin = keras.Model.fit, time.process_time()
        end = first_step.FirstStep.on_train_batch_end

        def timed(self: Any, *arguments: Any, **settings: Any) -> Any:
            nonlocal begin
            note("building and compiling the model", time.process_time() - begin)
            begin = time.process_time()
            return whole(self, *arguments, **settings)

        def ended(self: Any, batch: int, logs: Any = None) -> None:
            note("the first step: tracing the graph", time.process_time() - begin)
            note("together", time.process_time())
            end(self, batch, logs)

        keras.Model.fit = timed
        first_step.FirstStep.on_train_batch_end = ended
        return start(*given, **named)

    training._fit = fit


if __name__ == "__main__":
    main()
