"""Ways to random crops of photographs of 224x224: endless batches, as tensors of TensorFlow."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import tensorflow as tf

from spoonful import BatchGenerator, FolderSource, RandomCrop

SIZE = (224, 224)
BATCH_SIZE = 32
AREA, RATIO = (0.08, 1.0), (3 / 4, 4 / 3)
Batches = Iterator[Any]


def ours(photos: Path) -> Batches:
    """Crop while decoding."""
    return _generated(photos, SIZE, RandomCrop(AREA, RATIO))


def whole(photos: Path) -> Batches:
    """Decode whole pictures at the size of the model: no crops, the time that they add to."""
    return _generated(photos, SIZE, None)


def in_the_model(photos: Path) -> Batches:
    """Decode whole pictures at a fixed size, and crop them as a layer of the model would."""
    return map(_cropped, _generated(photos, (256, 256), None))


def in_the_model_large(photos: Path) -> Batches:
    """The same at a size at which most crops have as many pixels as the photograph gives."""
    return map(_cropped, _generated(photos, (400, 400), None))


def tf_data(photos: Path) -> Batches:
    """Decode whole pictures with tf.data, and crop each."""
    return _mapped(photos, lambda data: _cut(tf.io.decode_jpeg(data, channels=3)))


def tf_data_part(photos: Path) -> Batches:
    """Decode only the part with tf.data."""
    return _mapped(photos, _decoded_part)


CONTENDERS: dict[str, Callable[[Path], Batches]] = {
    "Spoonful, cropped while decoding": ours,
    "Spoonful, whole at 256x256, cropped in the model": in_the_model,
    "Spoonful, whole at 400x400, cropped in the model": in_the_model_large,
    "tf.data, decoded whole, then cropped": tf_data,
    "tf.data, `decode_and_crop_jpeg`": tf_data_part,
    "Spoonful, whole at 224x224, no crops": whole,
}


def _generated(photos: Path, size: tuple[int, int], crop: RandomCrop | None) -> Batches:
    generator = BatchGenerator(FolderSource(photos, size), BATCH_SIZE, crop=crop)
    stream = generator.stream()
    try:
        for step in itertools.count():
            yield tf.convert_to_tensor(stream[step][0])
    finally:
        stream.close()


@tf.function
def _cropped(images: Any) -> Any:
    """Cut a box out of each picture, resize it and mirror half of them: three operations."""
    number = tf.shape(images)[0]
    area = tf.random.uniform([number], *AREA)
    ratio = tf.exp(tf.random.uniform([number], *map(tf.math.log, RATIO)))
    height = tf.minimum(1.0, tf.sqrt(area / ratio))
    width = tf.minimum(1.0, tf.sqrt(area * ratio))
    top = tf.random.uniform([number]) * (1 - height)
    left = tf.random.uniform([number]) * (1 - width)
    is_mirrored = tf.random.uniform([number]) < 0.5
    left, right = (  # from right to left: mirrored
        tf.where(is_mirrored, left + width, left),
        tf.where(is_mirrored, left, left + width),
    )
    boxes = tf.stack([top, left, top + height, right], axis=1)
    return tf.image.crop_and_resize(images, boxes, tf.range(number), SIZE)


def _box(shape: Any) -> tuple[Any, Any]:
    begin, size, _ = tf.image.sample_distorted_bounding_box(
        shape,
        tf.zeros([0, 0, 4]),
        min_object_covered=0,
        aspect_ratio_range=RATIO,
        area_range=AREA,
        use_image_if_no_bounding_boxes=True,
    )
    return begin, size


def _resized(part: Any) -> Any:
    small = tf.image.random_flip_left_right(tf.image.resize(part, SIZE))
    return tf.cast(small, tf.uint8)


def _cut(image: Any) -> Any:
    begin, size = _box(tf.shape(image))
    return _resized(tf.slice(image, begin, size))


def _decoded_part(data: Any) -> Any:
    begin, size = _box(tf.io.extract_jpeg_shape(data))
    window = tf.stack([begin[0], begin[1], size[0], size[1]])
    return _resized(tf.io.decode_and_crop_jpeg(data, window, channels=3))


def _mapped(photos: Path, made: Callable[[Any], Any]) -> Batches:
    files = sorted(str(path) for path in photos.glob("*/*.jpg"))
    dataset = tf.data.Dataset.from_tensor_slices(files).shuffle(len(files)).repeat()
    dataset = dataset.map(lambda file: made(tf.io.read_file(file)), tf.data.AUTOTUNE)
    options = tf.data.Options()
    options.deterministic = False
    return iter(dataset.batch(BATCH_SIZE).prefetch(tf.data.AUTOTUNE).with_options(options))
