"""Models: one file per architecture, each with `layers(config, ...)`; built in build.py."""
