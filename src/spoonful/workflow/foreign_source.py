"""A source of the user's own, in the form of ours."""

from dataclasses import dataclass
from typing import Any

from spoonful.config.schema import Config
from spoonful.config.targets import Target
from spoonful.errors import SpoonfulError
from spoonful.sources import Source


@dataclass
class ForeignSource:
    """A target that opens a split: called with `split`, it returns a `spoonful.Source`."""

    target: Target = None  # type: ignore[assignment]  # set by the checker

    data_dir = None  # its data is not an output of the pipeline

    def check(self, config: Config) -> None:
        """Check that the target takes the name of a split.

        Raises:
            SpoonfulError: it does not.
        """
        if not self.target.takes("split"):
            raise SpoonfulError(
                f"source._target_={self.target.path}: expected a class or function that takes "
                'split="train", "val" or "test"'
            )

    def settings(self, config: Config) -> dict[str, Any]:
        """Return nothing: its fingerprint says what it serves."""
        return {}

    def open(self, split: str, settings: dict[str, Any], config: Config) -> Source:
        """Open one split.

        Raises:
            SpoonfulError: its code fails, or what it returns is not a source.
        """
        source = self.target(split=split)
        if not isinstance(source, Source):
            raise SpoonfulError(
                f"source: {self.target.path} returned a {type(source).__name__} for the split "
                f"{split}, expected a spoonful.Source"
            )
        return source
