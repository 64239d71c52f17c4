"""Starts Numba without SciPy, a third of a second of every start.

Numba imports all of SciPy's linear algebra when the first kernel is loaded, only to note whether it
could. Kernels use none of it (design, rule 1). Whoever does, in kernels of their own, still gets
it: Numba looks again when such a kernel is compiled.
"""

import os
import sys

_SCIPY = "scipy.linalg"


def start_numba() -> None:
    """What Numba does before it loads its first kernel, with SciPy out of its sight."""
    ready = "numba.np.arraymath" in sys.modules or _SCIPY in sys.modules
    if ready or os.environ.get("NUMBA_DISABLE_JIT", "0") != "0":
        return
    from numba.core.registry import cpu_target

    sys.modules[_SCIPY] = None  # type: ignore[assignment]
    try:
        cpu_target.typing_context.refresh()
        cpu_target.target_context.refresh()
    finally:
        del sys.modules[_SCIPY]
    arraymath = sys.modules.get("numba.np.arraymath")
    if hasattr(arraymath, "_HAVE_BLAS"):
        arraymath._HAVE_BLAS = True  # type: ignore[union-attr]
