"""The entrypoints of the stages: one file a stage, each with `run(config)`."""
