"""Which images are for training, which for validation and which for the test."""

from spoonful.splitting.assign import SPLITS, Assignment, SplitSettings, assign_splits

__all__ = ["SPLITS", "Assignment", "SplitSettings", "assign_splits"]
