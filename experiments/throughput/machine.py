"""Say what the benchmark ran on and with."""

import importlib.metadata
import os
import platform
from pathlib import Path

from spoonful.files.tables import read_csv, write_csv

_PACKAGES = (
    "tensorflow",
    "keras",
    "numpy",
    "opencv-python-headless",
    "simplejpeg",
    "deflate",
    "pyarrow",
    "torch",
    "pillow",
    "grain",
    "ffcv",
    "webdataset",
    "litdata",
)
_FILE = "machine.csv"


def write_machine(results: Path) -> None:
    """Write hardware and versions beside the results."""
    rows = [
        ("processor", _processor()),
        ("cores", str(len(os.sched_getaffinity(0)))),
        ("memory", f"{_memory_gib()} GiB"),
        ("system", f"{platform.system()} {platform.release()}"),
        ("Python", platform.python_version()),
    ]
    for name in _PACKAGES:
        try:
            rows.append((name, importlib.metadata.version(name)))
        except importlib.metadata.PackageNotFoundError:
            rows.append((name, "not installed"))
    write_csv(results / _FILE, ("name", "value"), rows)


def machine_line(results: Path) -> str:
    """Write hardware and versions as a sentence for the README."""
    found = {row["name"]: row["value"] for row in read_csv(results / _FILE)}
    hardware = f"{found.pop('cores')} cores of {found.pop('processor')}, {found.pop('memory')}"
    system = found.pop("system")
    versions = ", ".join(f"{name} {version}" for name, version in found.items())
    return f"{hardware}, {system}; {versions}."


def hardware() -> str:
    """Return this machine's processor and cores in words."""
    return f"{len(os.sched_getaffinity(0))} cores of {_processor()}"


def busy_warning() -> str | None:
    """Return a warning where other programs were running in the last minute."""
    load = os.getloadavg()[0]
    if load < 0.5:
        return None
    return f"load average {load:.1f} before the start: other programs take part of the processor"


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _memory_gib() -> int:
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)
