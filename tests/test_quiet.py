import os
import subprocess
import sys

import pytest

IMPORT = (
    "from spoonful.quiet import import_tensorflow; import_tensorflow();"
    "import sys; print('imported', file=sys.stderr);"
)
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
@pytest.mark.parametrize(("given", "used"), [({}, "1"), ({"TF_ENABLE_ONEDNN_OPTS": "0"}, "0")])
def test_no_note_is_shown_and_onednn_is_on_unless_the_environment_says_otherwise(
    given: dict[str, str], used: str
) -> None:
    done = python(IMPORT + SHOW, **given)
    assert done.stdout == f"{used}\n"
    assert done.stderr.startswith("imported\n")  # what comes after it is of a look for GPUs
