"""Comparing two recorded trainings; knows neither MLflow nor Keras."""
