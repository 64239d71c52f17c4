"""A process beside the node: begun by it, begun anew when it dies, and ended with it."""

import asyncio
import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

from skypact.errors import SkypactError

_LOOK_S = 0.5
_FIRST_PAUSE_S = 1.0
_GREATEST_PAUSE_S = 30.0
_BEGUN_S = 10.0
"""One that said why it could not work, and then lasts for so long, can now."""
_STEADY_S = 60.0
"""One that ran for so long is begun anew at once."""


def end_with_parent() -> None:
    """A node that is killed cannot end this process, which would wait for it for ever."""
    parent = parent_process()

    def wait() -> None:
        if parent is not None:
            parent.join()
            os._exit(0)

    threading.Thread(target=wait, daemon=True).start()


class Child:
    """Runs `work(*given)`, both to be pickled, in a process of its own.

    It is begun anew when it ends. `told`: what to do when it begins or ends, with a sentence that
    is empty where all is well; where it could not do its work, what it says of that itself.
    """

    def __init__(
        self,
        work: Callable[..., None],
        given: tuple[Any, ...],
        *,
        told: Callable[[str], None] = lambda said: None,
    ) -> None:
        self._work, self._given, self._told = work, given, told
        self._process: BaseProcess | None = None
        self._watch: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """Its process."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Begin it, and watch it."""
        self._watch = asyncio.create_task(self._keep_alive(), name="child")

    async def stop(self) -> None:
        """End it; killed where it takes longer than two seconds."""
        if self._watch is not None:
            self._watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watch
        process = self._process
        if process is not None:
            process.terminate()
            await asyncio.to_thread(process.join, 2.0)
            if process.is_alive():
                process.kill()
                await asyncio.to_thread(process.join)

    async def _keep_alive(self) -> None:
        pause_s, fault = _FIRST_PAUSE_S, ""
        while True:
            began_s = time.monotonic()
            spawn = get_context("spawn")
            heard, says = spawn.Pipe(duplex=False)
            process = spawn.Process(target=_run, args=(self._work, self._given, says), daemon=True)
            await asyncio.to_thread(process.start)
            says.close()
            self._process = process
            if not fault:
                self._told("")
            while process.is_alive():
                await asyncio.sleep(_LOOK_S)
                if fault and time.monotonic() - began_s > _BEGUN_S:
                    fault = ""
                    self._told("")
            fault = _said(heard)
            steady = time.monotonic() - began_s > _STEADY_S
            pause_s = _FIRST_PAUSE_S if steady else min(2.0 * pause_s, _GREATEST_PAUSE_S)
            ended = f"its process ended (exit code {process.exitcode}) and is begun anew after "
            self._told(fault or f"{ended}{pause_s:g} s; see the log")
            await asyncio.sleep(pause_s)


def _said(heard: Connection) -> str:
    """Why a process that has ended could not do its work, where it said so."""
    with heard, contextlib.suppress(EOFError, OSError):
        if heard.poll():
            return str(heard.recv())
    return ""


def _run(work: Callable[..., None], given: tuple[Any, ...], says: Connection) -> None:
    end_with_parent()
    try:
        work(*given)
    except SkypactError as error:  # a sentence for people, and no traceback
        says.send(str(error))
        sys.exit(1)
