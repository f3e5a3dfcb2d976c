"""Judging a trained model on test images."""
