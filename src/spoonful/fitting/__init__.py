"""Training with Keras: compile, fit, watch, save. Knows nothing about Hydra, MLflow or DVC."""
