"""Evaluate a trained model on test images."""
