"""Sources: where examples come from. A source knows nothing about orders, batches or Keras."""

from spoonful.sources.complete import check_source
from spoonful.sources.source import Source, read_in_turn

__all__ = ["Source", "check_source", "read_in_turn"]
