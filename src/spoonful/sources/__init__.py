"""Sources: where examples come from. A source knows nothing about orders, batches or Keras."""

from spoonful.sources.source import Source, check_source, read_in_turn

__all__ = ["Source", "check_source", "read_in_turn"]
