"""Optimizers and learning-rate schedules, one file each; assembled in build.py."""
