"""Names of metrics that a run records."""

# Before the name of a metric of validation, as Keras names it.
VAL_METRICS = "val_"
TEST_METRICS = "test_"
BEST_METRICS = "best_"
LOSS = "loss"
