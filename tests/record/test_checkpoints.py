"""Checkpoints: the newest sound one is found, a damaged one is named, and no half one is left."""

import os

import pytest

from skypact.errors import JournalError
from skypact.record import Checkpoint, Checkpoints


def some(number):
    return Checkpoint(number, 1_700_000_000_000_000_000 + number, os.urandom(1000) + b"end")


def test_the_newest_are_kept(tmp_path):
    kept = Checkpoints(tmp_path / "checkpoints", keep=3)
    put = [some(number) for number in (5, 100, 20, 3000)]
    assert kept.newest() == (None, ())
    for one in put:
        kept.put(one)
    assert kept.numbers() == (20, 100, 3000)
    assert kept.newest() == (put[3], ())
    assert kept.get(100) == put[1]
    assert Checkpoints(tmp_path / "checkpoints", keep=3).newest()[0] == put[3]
    with pytest.raises(JournalError, match="cannot be read"):
        kept.get(5)


@pytest.mark.parametrize("at", [0, 25, 60, 75, 500, -1])
def test_one_that_is_damaged_is_named_and_the_one_before_is_used(tmp_path, at):
    kept = Checkpoints(tmp_path, keep=3)
    first, second = some(1), some(2)
    kept.put(first)
    kept.put(second)
    path = max(tmp_path.iterdir())
    text = bytearray(path.read_bytes())
    text[at] ^= 1
    path.write_bytes(text)
    found, faults = kept.newest()
    assert found == first
    assert [fault.place for fault in faults] == [str(path)] and "damaged" in faults[0].reason


@pytest.mark.parametrize("left", [0, 10, 60, 100])
def test_one_that_breaks_off(tmp_path, left):
    kept = Checkpoints(tmp_path, keep=3)
    kept.put(some(1))
    path = max(tmp_path.iterdir())
    path.write_bytes(path.read_bytes()[:left])
    found, faults = kept.newest()
    assert found is None and len(faults) == 1


def test_what_was_half_written_is_no_checkpoint(tmp_path):
    kept = Checkpoints(tmp_path, keep=3)
    kept.put(some(1))
    (tmp_path / "00000000000000000002.checkpoint.part").write_bytes(b"half")
    assert kept.numbers() == (1,)
    kept.put(some(3))
    assert kept.numbers() == (1, 3) and len(list(tmp_path.iterdir())) == 2


def test_a_disk_that_takes_nothing(tmp_path, monkeypatch):
    kept = Checkpoints(tmp_path, keep=1)
    first = some(1)
    kept.put(first)

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(JournalError, match=r"No space left.*make room"):
        kept.put(some(2))
    assert kept.newest() == (first, ()) and len(list(tmp_path.iterdir())) == 1


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(JournalError, match="name another folder"):
        Checkpoints(tmp_path / "file" / "checkpoints", keep=1)
