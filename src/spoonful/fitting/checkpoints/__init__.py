"""Checkpoints on disk: whole or not at all, checked when read. Knows no Keras."""
