"""Compiled pure functions on floats and arrays, SI units and radians, Earth-fixed frame (ECEF).

Every kernel is compiled once and kept on disk. Numba notices a change of a kernel's own file but
not of the kernels it calls, so the cache lives in a folder named after a hash of all of them.

Nothing here uses BLAS, LAPACK, `fastmath` or parallel reductions: the same input gives the same
bits (design, rule 1).
"""

import hashlib
import os
from pathlib import Path


def _cache_folder() -> Path:
    """Folder for compiled kernels, one per content of all files that hold kernels."""
    package = Path(__file__).parent.parent
    digest = hashlib.blake2b(digest_size=8)
    for source in sorted(package.rglob("*.py")):
        if "njit" in (text := source.read_text(encoding="utf-8")):
            digest.update(text.encode())
    home = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser()
    return home / "skypact" / "kernels" / digest.hexdigest()


if "NUMBA_CACHE_DIR" not in os.environ:
    os.environ["NUMBA_CACHE_DIR"] = str(_cache_folder())
