"""ASTERIX recordings as blocks of rows: one record is one row, counted from 1.

`.ast`: data blocks one after the other, and the date of the first in the file's name. `.pcap`: UDP
datagrams over IPv4 and Ethernet as a network recorder keeps them, with the date of each.
"""

import datetime
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

from skypact.errors import EmptyInputError, InputError
from skypact.model import Radar
from skypact.sensing.plot_rows import NANOSECONDS_PER_SECOND, RawRows
from skypact.settings import SensingSettings

ASTERIX_SUFFIX = ".ast"
_NANOSECONDS_PER_TICK = {
    b"\xd4\xc3\xb2\xa1": ("little", 1000),
    b"\xa1\xb2\xc3\xd4": ("big", 1000),
    b"\x4d\x3c\xb2\xa1": ("little", 1),
    b"\xa1\xb2\x3c\x4d": ("big", 1),
}
PCAP_MAGIC = tuple(_NANOSECONDS_PER_TICK)
_HEADER_OCTETS = 3
_PCAP_HEADER, _PACKET_HEADER = 24, 16
_GREATEST_PACKET = 1 << 18
_ETHERNET = 1
_DATAGRAMS = "record UDP over IPv4 and Ethernet, or save the blocks as a .ast file"


class _Chunk(NamedTuple):
    """Blocks, about when they were sent (None: as those before), and octets read so far."""

    blocks: bytes
    reference_ns: int | None
    bytes_read: int


def asterix_rows(
    path: Path, radars: Sequence[Radar], settings: SensingSettings
) -> Iterator[RawRows]:
    """The records of a recording, block by block or datagram by datagram.

    Raises InputError where the file is no recording, or does not tell its date.
    """
    from skypact.sensing.asterix import AsterixReader, Report, raw_rows

    reader = AsterixReader(radars, settings, recorded=True)
    ids = [radar.id for radar in radars]
    reference_ns, empty = 0, True
    with path.open("rb") as file:
        is_pcap = file.read(4) in PCAP_MAGIC
        file.seek(0)
        for chunk in _datagrams(path, file) if is_pcap else _blocks(path, file, settings):
            empty = False
            if chunk.reference_ns is not None:
                reference_ns = chunk.reference_ns
            records = list(reader.records(chunk.blocks, reference_ns))
            times_ns = (record.time_ns for record in records if isinstance(record, Report))
            reference_ns = max(times_ns, default=reference_ns)
            yield raw_rows(records, ids, chunk.bytes_read)
    if empty:
        raise EmptyInputError(str(path), "holds no ASTERIX block", "give a recording with blocks")


def _blocks(path: Path, file: BinaryIO, settings: SensingSettings) -> Iterator[_Chunk]:
    """Whole data blocks, as many at once as fit into `block_bytes`."""
    reference_ns: int | None = _date_ns(path)
    rest = b""
    while text := file.read(settings.block_bytes):
        rest += text
        end = _whole_blocks(rest)
        if end:
            yield _Chunk(rest[:end], reference_ns, file.tell())
            rest, reference_ns = rest[end:], None
    if rest:
        yield _Chunk(rest, reference_ns, file.tell())


def _whole_blocks(text: bytes) -> int:
    """Where the last whole block ends; the end of the text where a length cannot be right."""
    at = 0
    while at + _HEADER_OCTETS <= len(text):
        length = int.from_bytes(text[at + 1 : at + 3], "big")
        if length < _HEADER_OCTETS:
            return len(text)
        if at + length > len(text):
            break
        at += length
    return at


def _date_ns(path: Path) -> int:
    """Noon of the date in a file's name: the first record is of that day."""
    found = re.search(r"(?<!\d)(\d{4})-?(\d\d)-?(\d\d)(?!\d)", path.name)
    try:
        date = datetime.date(*map(int, found.groups())) if found else None
    except ValueError:
        date = None
    if date is None:
        reason = "ASTERIX tells the time of day, and neither it nor the file's name a date"
        remedy = f"name it as in 2024-01-31_sado{ASTERIX_SUFFIX}"
        raise InputError(str(path), reason, remedy)
    noon = datetime.datetime.combine(date, datetime.time(12), datetime.UTC)
    return round(noon.timestamp()) * NANOSECONDS_PER_SECOND


def _datagrams(path: Path, file: BinaryIO) -> Iterator[_Chunk]:
    header = file.read(_PCAP_HEADER)
    if len(header) < _PCAP_HEADER:
        raise InputError(str(path), "is a recording that breaks off", "copy the file again")
    order, ns_per_tick = _NANOSECONDS_PER_TICK[header[:4]]

    def number(octets: bytes) -> int:
        return int.from_bytes(octets, "little" if order == "little" else "big")

    if number(header[20:24]) & 0x0FFF_FFFF != _ETHERNET:
        raise InputError(str(path), "is no recording of an Ethernet network", _DATAGRAMS)
    found = False
    while len(head := file.read(_PACKET_HEADER)) == _PACKET_HEADER:
        size = number(head[8:12])
        if size > _GREATEST_PACKET:
            reason = f"says that a packet has {size:,} octets"
            raise InputError(str(path), reason, "copy the file again")
        payload = _udp_payload(file.read(size))
        if payload is not None:
            found = True
            seconds, ticks = number(head[0:4]), number(head[4:8])
            time_ns = seconds * NANOSECONDS_PER_SECOND + ticks * ns_per_tick
            yield _Chunk(payload, time_ns, file.tell())
    if not found:
        raise EmptyInputError(str(path), "holds no UDP datagram", _DATAGRAMS)


def _udp_payload(packet: bytes) -> bytes | None:
    """What a UDP datagram over IPv4 and Ethernet carries; None: it is something else, or a part."""
    at = 12
    while packet[at : at + 2] in (b"\x81\x00", b"\x88\xa8"):  # VLAN tags
        at += 4
    if packet[at : at + 2] != b"\x08\x00":
        return None
    ip = packet[at + 2 :]
    if len(ip) < 20 or ip[0] >> 4 != 4 or ip[9] != 17:
        return None
    if int.from_bytes(ip[6:8], "big") & 0x3FFF:  # a fragment
        return None
    udp = ip[4 * (ip[0] & 0x0F) :]
    length = int.from_bytes(udp[4:6], "big")
    return udp[8:length] if 8 <= length <= len(udp) else None
