import sys

import numpy as np
import pytest

from spoonful.fitting.peak_memory import peak_rss_mb, reset_peak_rss


def test_the_peak_of_the_resident_memory_is_in_mib_and_stays() -> None:
    reset_peak_rss()
    before = peak_rss_mb()
    block = np.ones(96 * 2**20, np.uint8)  # written to, so resident
    after = peak_rss_mb()
    assert 20 < before < 100_000
    assert after > before + 80
    del block
    assert peak_rss_mb() > after - 1  # the kernel counts in portions


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux forgets a peak")
def test_a_training_does_not_count_the_peak_of_the_one_before() -> None:
    block = np.ones(96 * 2**20, np.uint8)
    before = peak_rss_mb()
    del block
    reset_peak_rss()
    assert peak_rss_mb() < before - 80
