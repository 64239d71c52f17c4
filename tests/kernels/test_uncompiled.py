"""The same kernels as plain Python: what is tested is what is written, not what is compiled."""

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def test_core_without_compiling():
    environment = os.environ | {"NUMBA_DISABLE_JIT": "1"}
    environment.pop("PYTEST_XDIST_WORKER", None)
    files = ["test_linear.py", "test_radar_geometry.py", "test_atmosphere.py", "test_filter.py"]
    wanted = "twin or octants or leading or printed or prediction or update and not 100000"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", wanted]
        + [str(HERE / name) for name in files],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    assert "passed" in done.stdout or "." in done.stdout
