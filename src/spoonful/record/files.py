"""The files of a run: in the folder of its model, and among its artifacts in MLflow."""

MODEL_NAME = "model.keras"
CARD_NAME = "model.json"  # what the model was trained from
CONFIG_NAME = "config.yaml"
HISTORY_NAME = "history.csv"
LEDGER_NAME = "ledger.csv"

# Only in the artifacts.
OVERRIDES_NAME = "overrides.txt"
ENVIRONMENT_NAME = "environment.json"
INSPECTION_DIR = "inspection"
LEARNING_CURVES_NAME = "figures/learning_curves.png"
TRAINING_BATCH_NAME = "figures/training_batch.png"

# In the folders of an evaluation and of a comparison.
METRICS_NAME = "metrics.json"
REPORT_NAME = "report.html"
