from pathlib import Path

import pytest
import tensorflow as tf

from spoonful.fitting.modes import emulates_bfloat16


@pytest.mark.parametrize(
    ("line", "is_emulated"),
    [
        ("flags\t\t: fpu avx avx2 f16c", True),
        ("flags\t\t: fpu avx512f avx512_bf16", False),
        ("flags\t\t: fpu avx512f amx_bf16 amx_tile", False),
        ("Features\t: fp asimd", True),
        ("Features\t: fp asimd bf16", False),
        ("processor\t: 0", False),
    ],
)
@pytest.mark.skipif(bool(tf.config.list_physical_devices("GPU")), reason="a GPU computes it")
def test_a_processor_without_bfloat16_is_known_by_its_flags(
    tmp_path: Path, line: str, is_emulated: bool
) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(f"processor\t: 0\n{line}\nbugs\t\t: bf16 of no matter\n")
    assert emulates_bfloat16(cpuinfo) is is_emulated


def test_where_no_processor_is_described_nothing_is_said(tmp_path: Path) -> None:
    assert not emulates_bfloat16(tmp_path / "cpuinfo")
