"""The metrics of a run in MLflow. Those of how batches were mixed are named in order/quality.py."""

from spoonful.order.quality import CLASS_CHI2, DISPLACEMENT, REPEATED_NEIGHBOURS

# Before the name of a metric of the task, as Keras names it: "val_accuracy".
VAL_METRICS = "val_"
BEST_METRICS = "best_"  # of the epoch whose weights were kept: "best_val_accuracy"
TEST_METRICS = "test_"  # of the test images, once evaluated

# Of every epoch; equal in every run of the same training on the same kind of machine.
LOSS = "loss"
LEARNING_RATE = "learning_rate"
DIGEST_METRICS = "digest_"  # followed by train or val
IMAGES_SEEN = "images_seen"
SHUFFLE_METRICS = (DISPLACEMENT, CLASS_CHI2, REPEATED_NEIGHBOURS)

# Of every epoch; different from run to run.
IMAGES_PER_S = "images_per_s"
EPOCH_TRAIN_S, EPOCH_VAL_S = "epoch_train_s", "epoch_val_s"
TRAIN_TIME_S = "train_time_s"  # of all epochs so far
INPUT_WAIT_S, INPUT_WAIT_FRACTION = "input_wait_s", "input_wait_fraction"
READING_THREADS = "reading_threads"  # at the same time, at most
PEAK_RSS_MB = "peak_rss_mb"

# Once.
BEST_EPOCH = "best_epoch"
NUM_PARAMETERS = "num_parameters"
