"""The tags of a run in MLflow, used to find, group and compare runs.

Names that end in TAGS are prefixes of several tags.
"""

# What was trained.
DATASET_TAG = "dataset"
MODEL_TAG = "model"
OPTIMIZER_TAG = "optimizer"
TASK_TAG = "task"
SCORE_TAG, SCORE_MODE_TAG = "score", "score_mode"  # the metric that ranks runs; max or min
EXPERIMENT_TAG = "experiment"  # the overlay; "none" without one
OVERRIDES_TAG = "overrides"  # as typed
TRAIN_KEY_TAG = "train_key"  # a digest of all files that training wrote
PREVIEW_TAG = "preview"  # true: the one run of an experiment that keeps drawn batches
JIT_COMPILE_TAG = "jit_compile"

# The data. DIGEST_TAGS is also followed by the ledger's streams, train and val.
DATA_DIGEST_TAG = "digest.data"  # of the raw images
SPLIT_DIGEST_TAG = "digest.split"  # of which image is in which split
DIGEST_TAGS = "digest."
FINGERPRINT_TAGS = "fingerprint."  # followed by train or val: of all data read
DVC_TAGS = "dvc.data_"  # followed by the folder that was read

# Other things that the bits depend on.
GIT_TAGS = "git."
COMMIT_TAG, DIRTY_TAG = "git.commit", "git.dirty"
PROJECT_GIT_TAGS = "git.project_"  # if conf/ is in another checkout than the running code
PROJECT_COMMIT_TAG = "git.project_commit"
VERSION_TAGS = "version."  # followed by the name of a package
PYTHON_TAG = "version.python"
CODE_TAGS = "code."  # followed by a module of the user's own: the SHA-256 of its file
LOCK_TAG = "requirements_lock"
HARDWARE_TAGS = "hardware."
CPU_TAG, NUM_CORES_TAG = "hardware.cpu", "hardware.num_cores"
MEMORY_TAG, GPUS_TAG = "hardware.memory_gb", "hardware.gpus"
ONEDNN_TAG, SYSTEM_TAG = "hardware.onednn", "hardware.system"
ENVIRONMENT_TAGS = (GIT_TAGS, VERSION_TAGS, HARDWARE_TAGS, LOCK_TAG)
RESUMED_TAGS = "resumed."  # followed by one of these, with its value when the run was resumed

# Its life cycle.
TOKEN_TAG = "begun_as"  # finds a run whose process was killed before it knew its id
REPRODUCES_TAG = "reproduces"  # id of the run that this one repeats
ERROR_TAG = "error"
UNREADABLE_TAG = "unreadable_after_step"  # the last step before a batch that could not be read
CHANGED_DATA_TAGS = "changed_data."  # followed by fingerprint.train or .val: of the data before
CHANGED_DATA_STEPS_TAG = "changed_data.steps"  # the first ones that read changed data
CHECKSUM_TAGS = "sha256."  # followed by a file's name: the SHA-256 it must have when read back

# Sweeps.
SWEEP_TAG = "sweep.id"
POINT_TAG = "sweep.point"
NUMBER_TAG = "sweep.number"
PRUNED_TAG = "sweep.pruned"  # the epoch after which a point was stopped as hopeless
AXES_TAG = "sweep.axes"
NUM_POINTS_TAG = "sweep.num_points"
NAMED_TAG = "sweep.name"
CHOICE_TAG = "sweep.shuffle"  # what its first point has chosen for generator.shuffle=auto

# MLflow's own, which its pages read.
NOTE_TAG = "mlflow.note.content"  # the description of a run
PARENT_TAG = "mlflow.parentRunId"
DATASET_CONTEXT_TAG = "mlflow.data.context"
