"""How every kernel is compiled: once, kept on disk, the same bits every time.

No BLAS, LAPACK, `fastmath` or parallel reductions in kernels (design, rule 1). Numba notices a
change of a kernel's own file but not of the kernels it calls, nor of the constants that it compiles
in, so the cache lives in a folder named after a hash of every file that has a part in kernels.
"""

import hashlib
import os
from pathlib import Path

# Modules with kernels outside of this package, and those they take constants from.
KERNELS_OF_TRACKING = (
    "association",
    "context",
    "couple_fold",
    "couples",
    "fold",
    "nearby",
    "noting",
    "parting",
    "phases",
    "resolution",
    "steady_path",
    "tables",
    "tracklet_fold",
    "waiting",
)


def _cache_folder() -> Path:
    """Folder for compiled kernels, one per content of all that has a part in them."""
    package = Path(__file__).parent.parent
    digest = hashlib.blake2b(digest_size=8)
    tracking = [package / "tracking" / f"{module}.py" for module in KERNELS_OF_TRACKING]
    for source in sorted((package / "kernels").glob("*.py")) + tracking:
        digest.update(source.read_bytes())
    home = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser()
    return home / "skypact" / "kernels" / digest.hexdigest()


os.environ.setdefault("NUMBA_CACHE_DIR", str(_cache_folder()))

import numpy as np  # noqa: E402
from numba import config, njit  # noqa: E402  (reads NUMBA_CACHE_DIR when imported)

# Also where Numba was imported before.
config.CACHE_DIR = os.environ["NUMBA_CACHE_DIR"]  # type: ignore[attr-defined]

# Without Numba's reference counting: such a kernel cannot allocate, compiles in half the time and
# is called without overhead. The few that make arrays of their own use the other.
# None is called from C: without the wrapper for that an eighth less to compile.
kernel = njit(cache=True, error_model="numpy", no_cfunc_wrapper=True, _nrt=False)  # type: ignore[call-overload]
allocating_kernel = njit(cache=True, error_model="numpy")
# Put into its caller as it stands: no arguments are handed over, and with a number for a length its
# loops are unrolled for it.
inlined = njit(inline="always", error_model="numpy", _nrt=False)  # type: ignore[call-overload]


@inlined
def as_int64(number: int) -> int:
    """The number as any other: a kernel compiles anew for each literal, and for int32."""
    return int(np.int64(number))
