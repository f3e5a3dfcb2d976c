"""Training with Keras: compile, fit, watch, save. Knows nothing of Hydra, MLflow or DVC."""
