"""Process-wide modes of Keras and TensorFlow: precision, seed, determinism, XLA."""

from pathlib import Path

import keras

from spoonful.errors import SpoonfulError

_CPUINFO = Path("/proc/cpuinfo")
# On x86 and on ARM.
_BFLOAT16_FLAGS = {"amx_bf16", "avx512_bf16", "bf16"}


def set_modes(precision: str, seed: int, deterministic: bool) -> None:
    """Set the global state of a training, and clear that of an earlier one.

    Args:
        precision: "float32", "mixed_bfloat16" or "mixed_float16".
        seed: seed of Python's, NumPy's and TensorFlow's global generators, 0..2**32 - 1.
        deterministic: use only operations that always give the same bits.

    Raises:
        SpoonfulError: `deterministic` is False, but an earlier training in this process set it.
    """
    import tensorflow as tf
    from tensorflow.python.framework.config import is_op_determinism_enabled

    keras.utils.clear_session(free_memory=True)  # layer names continue the last model's numbers
    # Keras' own progress bars: fit has its own, and MLflow predicts to check its input example.
    keras.utils.disable_interactive_logging()
    keras.config.set_dtype_policy(precision)
    keras.utils.set_random_seed(seed)
    if deterministic:
        tf.config.experimental.enable_op_determinism()
    elif is_op_determinism_enabled():
        raise SpoonfulError(
            "trainer.deterministic=false: TensorFlow cannot leave the deterministic mode that an "
            "earlier run of this process entered; give this value to every point of a sweep"
        )


def resolved_jit_compile(jit_compile: bool | None) -> bool:
    """Return whether to compile with XLA; None means if useful and available.

    On a CPU the article's network at batch 128 trained at 125 images/s with XLA and at 990-1,530
    without (2 cores). Keras 3.15's "auto" also leaves it off there; this does not rely on that.
    """
    import tensorflow as tf
    from tensorflow.python.framework.config import is_op_determinism_enabled

    if jit_compile is not None:
        return jit_compile
    # Keras turns XLA off, with a warning, if operations must be deterministic.
    return bool(tf.config.list_physical_devices("GPU")) and not is_op_determinism_enabled()


def emulates_bfloat16(cpuinfo: Path = _CPUINFO) -> bool:
    """Return whether the processor lacks bfloat16 and would emulate it.

    `vgg` on MNIST then trains at 47 images/s, and at 749 in float32 (2 cores with AVX2, oneDNN).

    Args:
        cpuinfo: Linux' description of the processors; if missing, nothing is known.
    """
    import tensorflow as tf

    if tf.config.list_physical_devices("GPU") or not cpuinfo.is_file():
        return False
    lines = cpuinfo.read_text(encoding="utf-8").splitlines()
    flags = [line.partition(":")[2] for line in lines if line.startswith(("flags", "Features"))]
    return bool(flags) and not _BFLOAT16_FLAGS & set(flags[0].split())
