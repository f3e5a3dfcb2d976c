"""What is measured: cases, and who takes part in each."""

from dataclasses import dataclass, field, replace
from typing import Any


class Skipped(Exception):  # noqa: N818
    """A measurement that this machine cannot take; says why."""


@dataclass(frozen=True)
class Contender:
    """One who takes part in a case.

    Attributes:
        name: as tables and figures show it.
        function: "module.function" of contenders/.
        settings: its arguments; what tune.py found best.
        reads: the folder of the benchmark's data that it reads; "": that of its case.
    """

    name: str
    function: str
    settings: dict[str, Any] = field(default_factory=dict)
    reads: str = ""

    @property
    def peer(self) -> str:
        """The module's first word: what --python-for calls it."""
        return self.function.split("_")[0].split(".")[0]

    def changed(self, settings: dict[str, Any]) -> "Contender":
        """Return the contender with other settings."""
        return replace(self, settings={**self.settings, **settings})


@dataclass(frozen=True)
class Case:
    """One question, asked of several contenders.

    Attributes:
        name: in file names and on the command line.
        title: in plain words.
        contenders: ours first.
        settings: arguments that are the same for everyone.
        reads: the folder that is brought into the page cache before each measurement.
        unit: of the values.
        is_feed: the functions return a feed whose images/s are measured; else the value itself.
        large: needs the large data; left out where --quick is given.
    """

    name: str
    title: str
    contenders: tuple[Contender, ...]
    settings: dict[str, Any] = field(default_factory=dict)
    reads: str = ""
    unit: str = "images/s"
    is_feed: bool = True
    large: bool = False

    def contender(self, name: str) -> Contender:
        """Return a contender by its name."""
        return next(contender for contender in self.contenders if contender.name == name)


OURS = "spoonful"
TF_DATA = "tf.data, tuned"
KERAS = "Keras image_dataset_from_directory"
KERAS_LEGACY = "Keras ImageDataGenerator"
TORCH_PILLOW = "PyTorch DataLoader + Pillow"
TORCH_OPENCV = "PyTorch DataLoader + OpenCV"
GRAIN_PILLOW = "Grain + Pillow"
SLICES = "tf.data slices + shuffle + batch"
GATHER = "bare NumPy gather"
DECODE = "bare libjpeg-turbo, full size, 2 threads"
DECODE_HALF = "bare libjpeg-turbo, half size, 2 threads"
ARTICLE = "the article's generator"
ARRAYS_UINT8 = "fit on uint8 arrays in RAM"
ARRAYS_FLOAT32 = "fit on float32 arrays in RAM"
STEPS_PER_EXECUTION = 16  # for everyone


def _photo_contenders(ratio: int) -> tuple[Contender, ...]:
    """List who reads photographs from JPEG files; tf.data may shrink them `ratio` times."""
    tuned = {"ratio": ratio, "dct_method": "INTEGER_FAST", "dtype": "uint8", "num_calls": None}
    loader = {"num_workers": 2, "collate": "torch"}
    return (
        Contender(OURS, "ours.photos"),
        Contender(KERAS, "keras_dataset.photos"),
        Contender(TF_DATA, "tensorflow_data.photos", tuned),
        Contender(TORCH_PILLOW, "torch_loader.photos", {"decoder": "pillow", **loader}),
        Contender(TORCH_OPENCV, "torch_loader.photos", {"decoder": "opencv", **loader}),
        Contender(
            GRAIN_PILLOW,
            "grain_loader.photos",
            {"decoder": "pillow", "num_threads": 1, "num_workers": 2},
        ),
    )


def _ffcv_photos(name: str) -> tuple[Contender, ...]:
    return (
        Contender(
            f"FFCV {name}, 2 workers",
            "ffcv_loader.photos",
            {"name": name, "num_workers": 2},
            f"ffcv/{name}",
        ),
        Contender(
            f"FFCV {name}, 1 worker",
            "ffcv_loader.photos",
            {"name": name, "num_workers": 1},
            f"ffcv/{name}",
        ),
    )


def _fit_contenders() -> tuple[Contender, ...]:
    settings = {"steps_per_execution": STEPS_PER_EXECUTION}
    return (
        Contender(f"{OURS}, as its trainer does", "fit.trainer", settings),
        Contender(f"{OURS} as a PyDataset", "fit.dataset", settings),
        Contender(ARRAYS_UINT8, "fit.arrays", {"dtype": "uint8", **settings}),
        Contender(ARRAYS_FLOAT32, "fit.arrays", {"dtype": "float32", **settings}),
        Contender(f"fit on {SLICES}", "fit.slices", settings),
    )


CASES = (
    Case(
        "packed_mnist",
        "MNIST from RAM or a packed store, batch 128, full shuffle",
        (
            Contender(OURS, "ours.packed", {"name": "mnist"}, "packed/mnist"),
            Contender(GATHER, "bare.gather"),
            Contender("tf.data, whole permutation + gather", "tensorflow_data.gathered"),
            Contender(SLICES, "tensorflow_data.slices"),
            Contender("FFCV, arrays", "ffcv_loader.mnist", {"num_workers": 2}, "ffcv/mnist"),
            Contender(ARTICLE, "article.mnist"),
        ),
        {"batch_size": 128},
    ),
    Case(
        "packed_mnist_32",
        "MNIST from RAM or a packed store, batch 32, full shuffle",
        (
            Contender(OURS, "ours.packed", {"name": "mnist"}, "packed/mnist"),
            Contender(GATHER, "bare.gather"),
            Contender(ARTICLE, "article.mnist"),
        ),
        {"batch_size": 32},
    ),
    Case(
        "loose_mnist",
        "MNIST from 60,000 PNG files, batch 128, full shuffle",
        (
            Contender(OURS, "ours.digits"),
            Contender(TF_DATA, "tensorflow_data.digits", {"deterministic": False, "num_calls": 2}),
            Contender(KERAS, "keras_dataset.digits"),
            Contender(
                TORCH_OPENCV,
                "torch_loader.digits",
                {"decoder": "opencv", "num_workers": 2, "collate": "numpy"},
            ),
            Contender(
                f"{TORCH_OPENCV}, its own collate",
                "torch_loader.digits",
                {"decoder": "opencv", "num_workers": 2, "collate": "torch"},
            ),
            Contender(
                TORCH_PILLOW,
                "torch_loader.digits",
                {"decoder": "pillow", "num_workers": 2, "collate": "numpy"},
            ),
            Contender(
                "Grain + OpenCV",
                "grain_loader.digits",
                {"decoder": "opencv", "num_threads": 1, "num_workers": 2},
            ),
        ),
        {"batch_size": 128},
        "mnist-files",
    ),
    Case(
        "photos_224",
        "Photographs from JPEG files to 224x224, batch 32, full shuffle",
        (
            *_photo_contenders(ratio=1),
            Contender(KERAS_LEGACY, "keras_generator.photos", {"num_workers": 2}),
            Contender(
                "WebDataset + Pillow", "webdataset_shards.photos", {"num_workers": 2}, "webdataset"
            ),
            Contender("LitData + Pillow", "litdata_chunks.photos", {"num_workers": 2}, "litdata"),
            Contender(DECODE, "bare.jpeg_decode", {"num_threads": 2}),
        ),
        {"batch_size": 32, "image_size": 224},
        "photos",
    ),
    Case(
        "loose_tiles",
        "61,360 JPEG files of 32x32, batch 128, full shuffle",
        (
            Contender(OURS, "ours.tiles"),
            Contender(KERAS, "keras_dataset.tiles"),
            Contender(KERAS_LEGACY, "keras_generator.tiles", {"num_workers": 1}),
        ),
        {"batch_size": 128, "image_size": 32},
        "tiles",
    ),
    Case(
        "photos_160",
        "Photographs from JPEG files to 160x160, batch 32, full shuffle",
        (
            *_photo_contenders(ratio=2),
            Contender(DECODE_HALF, "bare.jpeg_decode", {"num_threads": 2, "reduction": 2}),
        ),
        {"batch_size": 32, "image_size": 160},
        "photos",
    ),
    Case(
        "packed_raw",
        "Photographs packed raw at 224x224, batch 32, full shuffle",
        (
            Contender(OURS, "ours.packed", {"name": "photos-raw"}, "packed/photos-raw"),
            *_ffcv_photos("raw"),
        ),
        {"batch_size": 32},
    ),
    Case(
        "packed_jpeg",
        "Photographs packed as JPEG of quality 90 at 224x224, batch 32, full shuffle",
        (
            Contender(OURS, "ours.packed", {"name": "photos-jpeg"}, "packed/photos-jpeg"),
            *_ffcv_photos("jpg"),
            *(
                Contender(
                    f"bare libjpeg-turbo, {name} transform, 2 threads",
                    "bare.record_decode",
                    {"num_threads": 2, "is_fast": is_fast},
                    "packed/photos-jpeg",
                )
                for name, is_fast in (("accurate", False), ("fast", True))
            ),
        ),
        {"batch_size": 32},
    ),
    Case(
        "fit_32",
        "Training a one-layer model on MNIST, batch 32",
        _fit_contenders(),
        {"batch_size": 32},
        reads="packed/mnist",
        is_feed=False,
    ),
    Case(
        "fit_128",
        "Training a one-layer model on MNIST, batch 128",
        _fit_contenders(),
        {"batch_size": 128},
        reads="packed/mnist",
        is_feed=False,
    ),
    Case(
        "first_batch",
        "First batch of a packed set of a million 28x28 images, after imports",
        (
            *(
                Contender(f"{OURS}, {shuffle}", "first_batch.ours", {"shuffle": shuffle})
                for shuffle in ("none", "full", "block", "buffer", "balanced")
            ),
            Contender(SLICES, "first_batch.slices", {"buffer_size": 1_000_000}),
            Contender(f"{SLICES}, buffer of 10,000", "first_batch.slices", {"buffer_size": 10_000}),
        ),
        {"batch_size": 128},
        reads="packed/1m",
        unit="s",
        is_feed=False,
    ),
    Case(
        "input_wait",
        "Waiting for input while training the article's CNN on packed MNIST, batch 128",
        (Contender(OURS, "input_wait.ours"),),
        {"batch_size": 128},
        reads="packed/mnist",
        unit="% of the epoch",
        is_feed=False,
    ),
    Case(
        "memory",
        "Peak memory of a training process, 28x28 images, full shuffle",
        (
            Contender("60 thousand images", "memory.peak", {"name": "mnist"}, "packed/mnist"),
            Contender("600 thousand images", "memory.peak", {"name": "600k"}, "packed/600k"),
            Contender("6 million images", "memory.peak", {"name": "6m"}, "packed/6m"),
        ),
        {"batch_size": 128},
        unit="MiB",
        is_feed=False,
        large=True,
    ),
    Case(
        "memory_limit",
        "Training on data 10 times a memory limit, 112x112 images, block shuffle",
        (
            Contender("inside the limit", "memory_limit.training", {"limited": True}),
            Contender("without a limit", "memory_limit.training", {"limited": False}),
        ),
        {"batch_size": 128},
        is_feed=False,
        large=True,
    ),
)
