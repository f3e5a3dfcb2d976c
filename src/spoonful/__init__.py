"""Train Keras image classifiers on folders of images, one spoonful (batch) at a time."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spoonful.crops.random_crop import RandomCrop
    from spoonful.errors import SpoonfulError
    from spoonful.fitting.exact_resume import ExactResume
    from spoonful.generator import BatchGenerator
    from spoonful.packing import pack
    from spoonful.sources import Source
    from spoonful.sources.array import ArraySource
    from spoonful.sources.folder import FolderSource
    from spoonful.sources.manifest import ManifestSource
    from spoonful.sources.packed.source import PackedSource
    from spoonful.sources.remote.cache import Cache

__version__ = "0.1.0"
__all__ = [
    "ArraySource",
    "BatchGenerator",
    "Cache",
    "ExactResume",
    "FolderSource",
    "ManifestSource",
    "PackedSource",
    "RandomCrop",
    "Source",
    "SpoonfulError",
    "pack",
]

# BatchGenerator imports Keras, which takes seconds (12 s measured with TensorFlow): names are
# loaded at first use, so that the command line reports a wrong key at once.
_HOMES = {
    "ArraySource": "spoonful.sources.array",
    "BatchGenerator": "spoonful.generator",
    "Cache": "spoonful.sources.remote.cache",
    "ExactResume": "spoonful.fitting.exact_resume",
    "FolderSource": "spoonful.sources.folder",
    "ManifestSource": "spoonful.sources.manifest",
    "PackedSource": "spoonful.sources.packed.source",
    "RandomCrop": "spoonful.crops.random_crop",
    "Source": "spoonful.sources",
    "SpoonfulError": "spoonful.errors",
    "pack": "spoonful.packing",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'spoonful' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
