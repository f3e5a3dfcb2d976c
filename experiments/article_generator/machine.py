"""Say what the experiment ran on and with, and how busy the machine was before."""

import importlib.metadata
import os
import platform
from collections.abc import Mapping
from pathlib import Path

from cases import MACHINE_NAME

from spoonful.files.tables import write_csv

_PACKAGES = {"tensorflow": "TensorFlow", "keras": "Keras", "numpy": "NumPy"}
_BUSY = 0.5  # load average; an idle machine has less


def load_average() -> float:
    """Return how many processes wanted a core in the last minute."""
    return os.getloadavg()[0]


def write_machine(results: Path, load: float, minutes: float) -> None:
    """Write hardware, versions and circumstances beside the results.

    Args:
        results: the folder.
        load: the load average before the start.
        minutes: how long everything took.
    """
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    row = {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(memory),
        "Python": platform.python_version(),
        **{title: importlib.metadata.version(name) for name, title in _PACKAGES.items()},
        "load_before": f"{load:.1f}",
        "minutes": f"{minutes:.0f}",
    }
    write_csv(results / MACHINE_NAME, list(row), [list(row.values())])


def machine_line(row: Mapping[str, str]) -> str:
    """Write a row of machine.csv as sentences for the README."""
    versions = ", ".join(f"{name} {row[name]}" for name in ("Python", *_PACKAGES.values()))
    load = float(row["load_before"])
    busy = "; **others were using the machine: the speeds are too low**" if load > _BUSY else ""
    return (
        f"{row['cores']} cores of {row['processor']}, {row['memory_gib']} GiB, no GPU; {versions}. "
        f"Load average before the start {row['load_before']}{busy}. {row['minutes']} min in all."
    )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
