"""Which images are for training, which for validation and which for the test."""

from spoonful.splitting.assign import SPLITS, assign_splits

__all__ = ["SPLITS", "assign_splits"]
