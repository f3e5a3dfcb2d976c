"""The typed configuration: schemas, composition with Hydra, and help."""
