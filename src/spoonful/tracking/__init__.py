"""Recording runs in MLflow; no other module imports it."""
