"""Kernels are compiled whole where Python calls them, and as parts of those that call them."""

import math

import pytest
from numba import config, types

from skypact.kernels.compiled import kernel

pytestmark = pytest.mark.skipif(config.DISABLE_JIT, reason="nothing is compiled")


@kernel
def _inner(x: float) -> float:
    return math.sqrt(x) / 3.0


@kernel
def _outer(x: float, times: int) -> float:
    total = 0.0
    for _ in range(times):
        total += _inner(x) * _inner(total + 1.0)
    return total


def _as_written(x: float, times: int) -> float:
    total = 0.0
    for _ in range(times):
        total += (math.sqrt(x) / 3.0) * (math.sqrt(total + 1.0) / 3.0)
    return total


def test_what_only_a_kernel_calls_has_no_code_of_its_own():
    """Else each function would be optimised again for each above it, twice the time to compile."""
    assert _outer(2.0, 5) == _as_written(2.0, 5)
    _inner.as_part.compile((types.float64,))  # Not there yet where the outer one was kept on disk.
    assert not _inner.overloads
    (part,) = _inner.as_part.overloads.values()
    assert part.library.get_pointer_to_function(part.fndesc.llvm_func_name) == 0


def test_python_calls_it_all_the_same():
    before = len(_inner.as_part.overloads)
    assert _inner(2.0) == math.sqrt(2.0) / 3.0
    assert len(_inner.overloads) == 1
    assert len(_inner.as_part.overloads) == before
