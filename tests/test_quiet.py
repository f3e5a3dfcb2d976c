import os
import subprocess
import sys

import pytest

IMPORT = "from spoonful.quiet import import_tensorflow; import_tensorflow();"
SHOW = "from spoonful.tracking.environment import hardware; print(hardware()['hardware.onednn'])"


def python(script: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TF_")}
    return subprocess.run(
        [sys.executable, "-c", script],
        env={**environment, **variables},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )


@pytest.mark.slow
def test_no_note_of_tensorflow_s_is_shown() -> None:
    done = python(IMPORT)
    assert done.stdout == done.stderr == ""


@pytest.mark.slow
@pytest.mark.parametrize(("given", "used"), [({}, "1"), ({"TF_ENABLE_ONEDNN_OPTS": "0"}, "0")])
def test_onednn_is_on_unless_the_environment_says_otherwise(
    given: dict[str, str], used: str
) -> None:
    assert python(IMPORT + SHOW, **given).stdout.split() == [used]
