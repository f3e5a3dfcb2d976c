"""What is compared, and how often."""

from dataclasses import dataclass

EXPERIMENT = "experiment=article_generator"
ARTICLE, CORRECTED, KERAS, OURS = NAMES = ("article", "corrected", "keras", "spoonful")
# Ours over the files that Keras' reads: beside the others where nothing is trained.
OURS_FILES = "spoonful_files"
TITLES = {
    ARTICLE: "the article's, faithful",
    CORRECTED: "the article's, corrected",
    KERAS: "Keras' ImageDataGenerator",
    OURS: "spoonful",
    OURS_FILES: "spoonful, from files",
}

TRAIN, TEST = "train", "test"
TIMES = 10  # how much larger the set is that shows whose memory grows
LARGE = f"train-{TIMES}"

BATCH_SIZE = 32  # the article's, and that of the overlay
LARGE_BATCH_SIZE = 128

# Files of results/.
TRAINING_NAME = "training.csv"
FEEDING_NAME = "feeding.csv"
FAULTS_NAME = "faults.csv"
FILES_NAME = "files.csv"
MACHINE_NAME = "machine.csv"


@dataclass(frozen=True)
class Amount:
    """How much is measured.

    Attributes:
        share: of MNIST that is used, more than 0, at most 1.
        num_seeds: trainings of each generator.
        feed_s: how long each generator serves without a network, in s.
        overrides: of the config, beside the experiment and the seed.
    """

    share: float
    num_seeds: int
    feed_s: float
    overrides: tuple[str, ...] = ()


WHOLE = Amount(share=1.0, num_seeds=3, feed_s=4.0)
QUICK = Amount(share=0.1, num_seeds=1, feed_s=1.0, overrides=("trainer.epochs=2",))
