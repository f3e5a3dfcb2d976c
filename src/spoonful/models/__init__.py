"""Models: one file an architecture, each with `layers(config, ...)`; built in build.py."""
