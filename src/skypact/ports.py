"""Ports in a row that nobody listens at, for several servers on this machine."""

import contextlib
import fcntl
import os
import socket
import tempfile
from collections.abc import Iterable
from pathlib import Path

_CLAIMS: dict[int, int] = {}
"""Locks of the ports that are this process's, by the first."""


def free_ports(count: int, firsts: Iterable[int]) -> int:
    """The first of so many free ports, of `firsts`; nobody else's while this process runs.

    Raises OSError where all are taken.
    """
    for first in firsts:
        if _claimed(first) and _all_free(first, count):
            return first
    raise OSError("no free ports")


def _claimed(first: int) -> bool:
    """Whether these ports are this process's: others see them free until a server has them."""
    if first not in _CLAIMS:
        path = Path(tempfile.gettempdir()) / f"skypact-ports-{os.getuid()}-{first}"
        lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(lock)
            return False
        _CLAIMS[first] = lock  # until the process ends
    return True


def _all_free(first: int, count: int) -> bool:
    with contextlib.ExitStack() as stack:
        try:
            for port in range(first, first + count):
                tried = stack.enter_context(socket.socket())
                # A port whose server has just ended is free, as it is for a server.
                tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                tried.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
