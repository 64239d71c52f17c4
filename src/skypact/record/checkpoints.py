"""Checkpoints of pictures as files: whole or not there at all, and checked when they are read."""

import hashlib
import os
from pathlib import Path
from typing import NamedTuple

from skypact.errors import JournalError

_MAGIC = b"SKYPACT checkpoint 1\n"
_DIGEST_OCTETS = 32
_SUFFIX = ".checkpoint"
S = 1_000_000_000


class Checkpoint(NamedTuple):
    """A picture as it was after entry `number` of the journal, at `time_ns`; `blob` is opaque."""

    number: int
    time_ns: int
    blob: bytes


class Checkpoints:
    """The newest `keep` checkpoints in a folder, which is made. Blocks: call it in a thread.

    Of older ones one every `every_s` is kept for `for_s`: a replay of any moment begins near it.

    >>> checkpoints = Checkpoints(store / "checkpoints", keep=4)
    >>> await asyncio.to_thread(checkpoints.put, Checkpoint(number, time_ns, blob))
    """

    def __init__(
        self, folder: Path, keep: int, *, every_s: float = 0.0, for_s: float = 0.0
    ) -> None:
        self._folder, self._keep = folder, keep
        self._every_ns, self._for_ns = round(every_s * S), round(for_s * S)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise JournalError(
                str(folder), f"cannot be made ({error.strerror})", "name another folder"
            ) from None

    def put(self, checkpoint: Checkpoint) -> None:
        """Keep it, on disk when this returns, and drop those beyond the newest.

        Raises JournalError where the disk takes it not; those before are untouched then.
        """
        path = self._path(checkpoint.number)
        part = path.with_suffix(f"{_SUFFIX}.part")
        head = checkpoint.number.to_bytes(8, "big") + checkpoint.time_ns.to_bytes(8, "big")
        try:
            with part.open("wb") as file:
                file.write(_MAGIC + _digest(head, checkpoint.blob) + head)
                file.write(checkpoint.blob)
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
            _sync_folder(self._folder)
        except OSError as error:
            part.unlink(missing_ok=True)
            reason = f"the checkpoint cannot be written ({error.strerror})"
            raise JournalError(str(path), reason, "make room on the disk") from None
        self.prune()

    def numbers(self) -> tuple[int, ...]:
        """Numbers of the checkpoints that are there, oldest first."""
        names = (path.name.removesuffix(_SUFFIX) for path in self._folder.glob(f"*{_SUFFIX}"))
        return tuple(sorted(int(name) for name in names if name.isdecimal()))

    def get(self, number: int) -> Checkpoint:
        """The checkpoint of this number. Raises JournalError: not there, or damaged."""
        path = self._path(number)
        try:
            text = path.read_bytes()
        except OSError as error:
            reason = f"cannot be read ({error.strerror})"
            raise JournalError(str(path), reason, "use an older checkpoint") from None
        begin = len(_MAGIC) + _DIGEST_OCTETS
        digest, head, blob = text[len(_MAGIC) : begin], text[begin : begin + 16], text[begin + 16 :]
        whole = text.startswith(_MAGIC) and len(head) == 16
        if not whole or digest != _digest(head, blob) or int.from_bytes(head[:8], "big") != number:
            reason = "is damaged"
            raise JournalError(str(path), reason, "delete it; an older checkpoint is used")
        return Checkpoint(number, int.from_bytes(head[8:], "big"), blob)

    def newest(self) -> tuple[Checkpoint | None, tuple[JournalError, ...]]:
        """The newest that is sound, None: there is none; and the faults of newer ones."""
        faults: list[JournalError] = []
        for number in reversed(self.numbers()):
            try:
                return self.get(number), tuple(faults)
            except JournalError as fault:
                faults.append(fault)
        return None, tuple(faults)

    def drop_after(self, number: int) -> tuple[int, ...]:
        """Drop those of later entries than this: a journal that lost its end counts them anew."""
        dropped = tuple(one for one in self.numbers() if one > number)
        for one in dropped:
            self._path(one).unlink(missing_ok=True)
        return dropped

    def prune(self) -> None:
        """Drop all but the newest, those that are kept of the older ones, and what was left half.

        By who writes them alone: another process may read them meanwhile.
        """
        for left_over in self._folder.glob(f"*{_SUFFIX}.part"):
            left_over.unlink(missing_ok=True)
        numbers = self.numbers()
        if not numbers:
            return
        now_ns, last_ns = self.time_ns(numbers[-1]), None
        for number in numbers[: -self._keep]:
            time_ns = self.time_ns(number) if self._for_ns else 0
            young = now_ns - time_ns <= self._for_ns
            if self._for_ns and young and (last_ns is None or time_ns - last_ns >= self._every_ns):
                last_ns = time_ns
            else:
                self._path(number).unlink(missing_ok=True)

    def time_ns(self, number: int) -> int:
        """When a checkpoint was taken; 0 where it cannot be read."""
        begin = len(_MAGIC) + _DIGEST_OCTETS
        try:
            with self._path(number).open("rb") as file:
                head = file.read(begin + 16)[begin:]
        except OSError:
            return 0
        return int.from_bytes(head[8:], "big")

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:020}{_SUFFIX}"


def _digest(head: bytes, blob: bytes) -> bytes:
    digest = hashlib.blake2b(head, digest_size=_DIGEST_OCTETS)
    digest.update(blob)
    return digest.digest()


def _sync_folder(folder: Path) -> None:
    """Without it a name may be gone after a loss of power, though the file is there."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
