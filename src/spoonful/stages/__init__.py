"""The entry points of the stages: one file per stage, each with `run(config)`."""
