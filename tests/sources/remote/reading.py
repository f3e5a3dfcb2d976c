"""Read a packed split at an address in a process of its own; print the sum of its pixels."""

import sys
from pathlib import Path

from spoonful.sources.packed.source import PackedSource
from spoonful.sources.remote.cache import Cache


def main(address: str, cache: str, max_gb: str) -> None:
    """Read all examples in parts of 20."""
    source = PackedSource(address, loaded_mb=0, cache=Cache(Path(cache), float(max_gb)))
    print("opened", flush=True)
    total = 0
    for start in range(0, len(source), 20):
        total += int(source.read(range(start, min(start + 20, len(source)))).sum())
    print(total, flush=True)


main(*sys.argv[1:])
