"""The typed configuration: schemas, composition with Hydra, and help."""

from spoonful.config.fields import Component, key

__all__ = ["Component", "key"]
