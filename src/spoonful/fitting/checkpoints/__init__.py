"""Checkpoints on disk: complete or absent, checked when read. Knows nothing about Keras."""
