"""How every kernel is compiled: once, kept on disk, the same bits every time.

No BLAS, LAPACK, `fastmath` or parallel reductions in kernels (design, rule 1). Numba notices a
change of a kernel's own file but not of the kernels it calls, nor of the constants that it compiles
in, so the cache lives in a folder named after a hash of every file that has a part in kernels.
"""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

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
from numba import config, njit, types  # noqa: E402  (reads NUMBA_CACHE_DIR when imported)
from numba.core.codegen import JITCodeLibrary  # noqa: E402
from numba.core.compiler import Compiler  # noqa: E402
from numba.core.registry import CPUDispatcher  # noqa: E402

# Also where Numba was imported before.
config.CACHE_DIR = os.environ["NUMBA_CACHE_DIR"]  # type: ignore[attr-defined]

# Without Numba's reference counting: such a kernel cannot allocate, compiles in half the time and
# is called without overhead. The few that make arrays of their own use the other.
# None is called from C: without the wrapper for that an eighth less to compile.
_AS_ALL = {"error_model": "numpy", "no_cfunc_wrapper": True, "_nrt": False}
allocating_kernel = njit(cache=True, error_model="numpy")


class Kernel(CPUDispatcher):
    """A kernel, compiled whole where Python calls it, and as a part of each kernel that does.

    Numba makes machine code of every function, with all that it calls in it, and again of its
    caller: most of the time to compile went into code that nothing ran (decision 7).
    """

    as_part: Any

    @property
    def _numba_type_(self) -> types.Dispatcher:
        """What another kernel calls by this name."""
        return types.Dispatcher(self.as_part)


class _Part(JITCodeLibrary):
    """Code that is optimised and made machine code with its caller, and not by itself."""

    class _NoEnvironment:
        """What of Numba's code generator a library asks that holds no machine code."""

        @staticmethod
        def set_env(name: str, environment: object) -> None:
            """Nothing: only what Python calls has one."""

    codegen = _NoEnvironment()

    def finalize(self) -> None:
        """Take in what this calls, as `CPUCodeLibrary.finalize` does, and leave it at that."""
        self._raise_if_finalized()
        for library in dict.fromkeys(self._linking_libraries):
            self._reload_init.update(library._reload_init)
            self._final_module.link_in(library._get_module_for_linking(), preserve=True)
        self._finalize_dynamic_globals()
        self._finalized = True

    def get_pointer_to_function(self, name: str) -> int:
        """None: there is no machine code."""
        return 0


class _PartCompiler(Compiler):
    def define_pipelines(self) -> list[Any]:
        """Numba's own, into a library that is a part of others."""
        code_generator = self.state.targetctx.codegen()
        self.state.library = _Part(code_generator, self.state.func_id.func_qualname)
        return super().define_pipelines()


_compiled_as_part = njit(no_cpython_wrapper=True, pipeline_class=_PartCompiler, **_AS_ALL)  # type: ignore[call-overload]
_compiled_whole = njit(cache=True, **_AS_ALL)  # type: ignore[call-overload]


def kernel(function: Callable[..., Any]) -> Any:
    """A function that Python and other kernels call; compiled when first called."""
    whole: Any = _compiled_whole(function)
    if not config.DISABLE_JIT:  # type: ignore[attr-defined]
        whole.__class__ = Kernel
        whole.as_part = _compiled_as_part(function)
    return whole


# Put into its caller as it stands: no arguments are handed over, and with a number for a length its
# loops are unrolled for it.
inlined = njit(inline="always", error_model="numpy", _nrt=False)  # type: ignore[call-overload]


@inlined
def as_int64(number: int) -> int:
    """The number as any other: a kernel compiles anew for each literal, and for int32."""
    return int(np.int64(number))
