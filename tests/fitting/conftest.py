"""What tests of interrupted fits share."""

import gc
from collections.abc import Iterator

import keras
import pytest


@pytest.fixture
def iterators_freed() -> Iterator[None]:
    """Free at once the iterators that fits which an exception ended leave in reference cycles.

    TensorFlow's destructor of one waits for a tuning thread that may sleep for as long as the
    iterator has lived: left to the garbage collector, they held up a later test for 20 s to 90 s.
    """
    yield
    gc.collect()


@pytest.fixture
def rows_every_three_steps(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The ledger has rows inside short epochs, too; what `uninterrupted` keeps has them."""
    monkeypatch.setattr("spoonful.record.ledger.EVERY_STEPS", 3)
    yield
    keras.config.set_dtype_policy("float32")
