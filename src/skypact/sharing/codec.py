"""Messages to bytes and back; pure, and nothing that comes in raises.

A frame is `MAGIC`, one byte that says how it goes on, and

- `SIGNED`: 64 bytes of Ed25519 signature, then the body: a `Message` as MessagePack;
- `SEALED`: epoch and sequence, 8 bytes each, big-endian, then the HPKE ciphertext of what a signed
  frame has after its first five bytes (`seal`).

Reading goes in steps, so that little is looked at before the signature is known to be good: the
frame, the header, then the payload.
"""

import hashlib
import math
import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np
from msgspec import structs
from numpy.typing import NDArray

from skypact.errors import InputError
from skypact.model import (
    AreaWarning,
    Arrival,
    Assessment,
    Consultation,
    Fault,
    Flight,
    FlightPath,
    Header,
    Heartbeat,
    Message,
    PackedTracklet,
    Payload,
    Plots,
    Proposed,
    ScanPlots,
    Tracklet,
    TrackletBatch,
    Use,
)
from skypact.model.message import WIRE_VERSION
from skypact.model.newest import of_newest
from skypact.model.plots import radar_of_scan

MAGIC = b"SKP\x01"
SIGNED, SEALED = 0, 1
SIGNATURE_BYTES = 64
_BODY_AT = len(MAGIC) + 1
_NUMBERS_BYTES = 16
_NAN = np.array(np.nan, "<f8").tobytes()
_BIASES = (0, 8)
_UPPER = {n: np.triu_indices(n) for n in (0, 6, 8)}

UPDATE = "update the older of the two nodes; docs/wire.md says what each version holds"
MALFORMED = "have the partner send it as docs/wire.md says"
_CORRECT = "have the partner find where the number comes from"

_encoder = msgspec.msgpack.Encoder()


class _Split(msgspec.Struct, frozen=True):
    """A body whose payload is not looked at yet."""

    header: Header
    payload: msgspec.Raw


_split = msgspec.msgpack.Decoder(_Split)
_payload = msgspec.msgpack.Decoder(Payload)


class Frame(NamedTuple):
    """A frame as it came: of a signed one signature and body, of a sealed one the ciphertext."""

    sealed: bool
    epoch: int
    sequence: int
    content: bytes


class Signed(NamedTuple):
    """Signature and the body that it is of."""

    signature: bytes
    body: bytes


class Body(NamedTuple):
    """A body with its payload still to be read."""

    header: Header
    payload: msgspec.Raw


def encode(message: Message) -> bytes:
    """The body of a message: what is signed and hashed."""
    return _encoder.encode(message)


def digest_of(body: bytes) -> bytes:
    """SHA-256 of a body, by which the next message names it."""
    return hashlib.sha256(body).digest()


def text_hash(nation: str, exercise: bool, at_ns: int, text: Proposed) -> bytes:
    """SHA-256 of a proposed text: of its every word, by whom, when, and who is to confirm it.

    Over "skypact text 1" and then each part, as UTF-8, with its length before it in 8 bytes,
    big-endian: nation, "live" or "exercise", nanoseconds in decimal digits, person, number of
    nations, each nation, text. The event is not in it: each nation has a name of its own for that.
    """
    mode = "exercise" if exercise else "live"
    named = (str(len(text.nations)), *text.nations)
    digest = hashlib.sha256(b"skypact text 1")
    for part in (nation, mode, str(at_ns), text.by, *named, text.text):
        said = part.encode()
        digest.update(len(said).to_bytes(8, "big") + said)
    return digest.digest()


def signed_frame(signature: bytes, body: bytes) -> bytes:
    """A frame that goes as it is."""
    return MAGIC + bytes((SIGNED,)) + signature + body


def sealed_frame(epoch: int, sequence: int, ciphertext: bytes) -> bytes:
    """A frame for its addressee's eyes."""
    numbers = epoch.to_bytes(8, "big") + sequence.to_bytes(8, "big")
    return MAGIC + bytes((SEALED,)) + numbers + ciphertext


def read_frame(data: bytes, greatest_bytes: int) -> Frame | Fault:
    """Take a frame apart."""
    if len(data) > greatest_bytes:
        reason = f"{len(data):,} bytes are more than {greatest_bytes:,}"
        return Fault("frame", reason, "have the partner send fewer at once")
    if len(data) <= _BODY_AT:
        return Fault("frame", f"{len(data)} bytes are no message", MALFORMED)
    if not data.startswith(MAGIC):
        if data.startswith(MAGIC[:3]):
            return Fault("frame", f"frame version {data[3]} is not {MAGIC[3]}", UPDATE)
        return Fault("frame", "it does not begin as a message does", MALFORMED)
    how = data[_BODY_AT - 1]
    if how == SIGNED:
        return Frame(False, 0, 0, data[_BODY_AT:])
    if how != SEALED:
        return Fault("frame", f"kind {how} is neither signed nor sealed", MALFORMED)
    if len(data) <= _BODY_AT + _NUMBERS_BYTES:
        return Fault("frame", "its ciphertext is missing", MALFORMED)
    epoch = int.from_bytes(data[_BODY_AT : _BODY_AT + 8], "big")
    sequence = int.from_bytes(data[_BODY_AT + 8 : _BODY_AT + 16], "big")
    return Frame(True, epoch, sequence, data[_BODY_AT + _NUMBERS_BYTES :])


def read_signed(content: bytes) -> Signed | Fault:
    """Signature and body."""
    if len(content) <= SIGNATURE_BYTES:
        return Fault("frame", "it ends within its signature", MALFORMED)
    return Signed(content[:SIGNATURE_BYTES], content[SIGNATURE_BYTES:])


def read_body(body: bytes) -> Body | Fault:
    """The header of a body, and its payload unread."""
    found = _read(_split.decode, body, "")
    if isinstance(found, Fault):
        return found
    if found.header.version != WIRE_VERSION:
        reason = f"wire version {found.header.version} is not {WIRE_VERSION}"
        return Fault("header.version", reason, UPDATE)
    if len(found.header.previous) not in (0, 32):
        return Fault("header.previous", "it is no SHA-256", MALFORMED)
    return Body(found.header, found.payload)


def read_payload(payload: msgspec.Raw) -> Payload | Fault:
    """The payload of a body, well-formed; its numbers are not looked at yet."""
    return _read(_payload.decode, payload, "payload")


def _read(decode: Callable[[Any], Any], data: Any, within: str) -> Any:
    try:
        return decode(data)
    except msgspec.ValidationError as error:
        reason, _, path = str(error).partition(" - at `")
        place = ".".join((within, path.rstrip("`").removeprefix("$").lstrip("."))).strip(".")
        return Fault(place or "body", _sentence(reason), MALFORMED)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return Fault(within or "body", _sentence(str(error)), MALFORMED)
    except RecursionError:
        return Fault(within or "body", "it is nested too deep", MALFORMED)


def _sentence(text: str) -> str:
    """What msgspec says, in one short line."""
    text = re.sub(r"\s+", " ", text)[:200]
    return text[:1].lower() + text[1:]


def pack_plots(arrival: Arrival, use: Sequence[Use]) -> ScanPlots:
    """The plots of an arrival as they go on the wire.

    Raises InputError where they are not all of one scan.
    """
    plots = arrival.plots
    if radar_of_scan(plots) is None:
        raise InputError(
            f"{arrival.nation}/{arrival.radar}", "plots not of one scan", "pack scan by scan"
        )

    return ScanPlots(
        radar=arrival.radar,
        epoch=arrival.epoch,
        sequence=arrival.sequence,
        scan=int(plots.scan[0]),
        use=in_order(use),
        **_columns_of(plots),  # type: ignore[arg-type]
    )


@of_newest
def _columns_of(plots: Plots) -> dict[str, bytes]:
    """The columns as bytes; they go to several partners."""

    def optional(values: NDArray[np.float64]) -> bytes:
        return b"" if np.isnan(values).all() else _reals(values)

    return {
        "time_ns": np.ascontiguousarray(plots.time_ns, "<i8").tobytes(),
        "range_m": _reals(plots.range_m),
        "azimuth_rad": _reals(plots.azimuth_rad),
        "elevation_rad": _reals(plots.elevation_rad),
        "range_rate_m_s": optional(plots.range_rate_m_s),
        "snr_db": optional(plots.snr_db),
    }


def unpack_plots(
    packed: ScanPlots, nation: str, radar: int, received_ns: int, most: int
) -> Arrival | Fault:
    """The arrival that a scan's plots are; `radar`: its number in the receiver's radar table.

    Finite, and of one length, at most `most`.
    """
    time_ns = _integers(packed.time_ns, "time_ns", most)
    if isinstance(time_ns, Fault):
        return time_ns
    n = len(time_ns)
    if not n:
        return Fault("payload.time_ns", "no plots", "have the partner send scans with plots only")
    values = _measured(packed, n)
    if isinstance(values, Fault):
        return values
    return Arrival(
        nation=nation,
        radar=packed.radar,
        epoch=packed.epoch,
        sequence=packed.sequence,
        received_ns=received_ns,
        plots=Plots._make(
            (time_ns, np.full(n, radar, np.int32), *values, np.full(n, packed.scan, np.int64))
        ),
    )


_MEASURED = ("range_m", "azimuth_rad", "elevation_rad", "range_rate_m_s", "snr_db")
_MUST_BE = 3
"""So many of these, the first, each plot has."""


def _measured(packed: ScanPlots, n: int) -> NDArray[np.float64] | Fault:
    """What was measured of n plots (5, n), all at once; NaN where it was not."""
    nothing = _NAN * n
    columns = [getattr(packed, name) for name in _MEASURED]
    columns[_MUST_BE:] = [column or nothing for column in columns[_MUST_BE:]]
    if all(len(column) == len(nothing) for column in columns):
        values = np.frombuffer(b"".join(columns), "<f8").astype(np.float64).reshape(-1, n)
        fine = np.isfinite(values)
        fine[_MUST_BE:] |= np.isnan(values[_MUST_BE:])
        if fine.all():
            return values
    faults = (
        _column(column, name, n, nan=at >= _MUST_BE)
        for at, (name, column) in enumerate(zip(_MEASURED, columns, strict=True))
    )
    return next(fault for fault in faults if isinstance(fault, Fault))


def is_counted(payload: ScanPlots | TrackletBatch) -> bool:
    """Whether its numbers, if it has any, are one for each of its uses."""
    numbers = payload.numbers
    return not numbers or (len(numbers) == len(payload.use) and min(numbers) >= 1)


def counted(payload: ScanPlots | TrackletBatch, header: Header) -> tuple[tuple[int, int], ...]:
    """Epoch and number of observations for each of their uses: where they stand among those."""
    plots = isinstance(payload, ScanPlots)
    epoch = payload.epoch if plots or payload.numbers else header.epoch
    alike = (payload.sequence if isinstance(payload, ScanPlots) else header.sequence,)
    return tuple((epoch, number) for number in payload.numbers or alike * len(payload.use))


def pack_tracklets(tracklets: Sequence[Tracklet], use: Sequence[Use]) -> TrackletBatch:
    """Tracklets as they go on the wire; their matrices are symmetric, one triangle goes."""
    return TrackletBatch(tracklets=tuple(map(_packed, tracklets)), use=in_order(use))


def _packed(tracklet: Tracklet) -> PackedTracklet:
    numbers = (
        tracklet.state,
        tracklet.vector,
        tracklet.information[_UPPER[6]],
        tracklet.cross_information.ravel(),
        tracklet.bias_information[_UPPER[len(tracklet.bias_sigma)]],
        tracklet.bias_vector,
        tracklet.bias_sigma,
    )
    return PackedTracklet(
        radar=tracklet.radar,
        time_ns=tracklet.time_ns,
        batch=tracklet.batch,
        first_ns=tracklet.first_ns,
        last_ns=tracklet.last_ns,
        plots=tracklet.plots,
        rank=tracklet.rank,
        numbers=_reals(np.concatenate(numbers)),
        correlation_time_s=tracklet.correlation_time_s,
    )


def unpack_tracklets(batch: TrackletBatch, nation: str, most: int) -> tuple[Tracklet, ...] | Fault:
    """The originator's tracklets, their numbers finite, at most `most`."""
    if len(batch.tracklets) > most:
        reason = f"{len(batch.tracklets):,} tracklets are more than {most:,}"
        return Fault("payload.tracklets", reason, "have the partner send fewer at once")
    out = []
    for k, packed in enumerate(batch.tracklets):
        tracklet = _unpacked(packed, nation)
        if isinstance(tracklet, Fault):
            return tracklet._replace(place=f"payload.tracklets[{k}].{tracklet.place}")
        out.append(tracklet)
    return tuple(out)


def _unpacked(packed: PackedTracklet, nation: str) -> Tracklet | Fault:
    layout = None if len(packed.numbers) % 8 else _LAYOUTS.get(len(packed.numbers) // 8)
    if layout is None:
        said = " or ".join(map(str, _LAYOUTS))
        return Fault("numbers", f"{len(packed.numbers)} bytes are not {said} values", MALFORMED)
    values = np.frombuffer(packed.numbers, "<f8").astype(np.float64)
    if not np.isfinite(values).all():
        return Fault("numbers", "not all are finite", _CORRECT)
    if not math.isfinite(packed.correlation_time_s):
        return Fault("correlation_time_s", "it is not finite", _CORRECT)
    return Tracklet(
        time_ns=packed.time_ns,
        nation=nation,
        radar=packed.radar,
        batch=packed.batch,
        state=values[:6],
        information=values[layout.information],
        vector=values[6:12],
        cross_information=values[layout.cross_information],
        bias_information=values[layout.bias_information],
        bias_vector=values[layout.bias_vector],
        bias_sigma=values[layout.bias_sigma],
        correlation_time_s=packed.correlation_time_s,
        first_ns=packed.first_ns,
        last_ns=packed.last_ns,
        plots=packed.plots,
        rank=packed.rank,
    )


class _Layout(NamedTuple):
    """Where in `PackedTracklet.numbers` each number of a tracklet's matrices stands."""

    information: NDArray[np.int64]
    cross_information: NDArray[np.int64]
    bias_information: NDArray[np.int64]
    bias_vector: slice
    bias_sigma: slice

    @classmethod
    def of(cls, biases: int) -> "_Layout":
        cross = 12 + 21
        triangle = cross + 6 * biases
        vector = triangle + biases * (biases + 1) // 2
        return cls(
            _symmetric_at(12, 6),
            np.arange(cross, triangle).reshape(6, biases),
            _symmetric_at(triangle, biases),
            slice(vector, vector + biases),
            slice(vector + biases, vector + 2 * biases),
        )


def _symmetric_at(start: int, n: int) -> NDArray[np.int64]:
    """Where each element (n, n) of a matrix stands whose upper triangle begins at `start`."""
    at = np.zeros((n, n), np.int64)
    at[_UPPER[n]] = start + np.arange(n * (n + 1) // 2)
    at.T[_UPPER[n]] = at[_UPPER[n]]
    return at


_LAYOUTS = {layout.bias_sigma.stop: layout for layout in map(_Layout.of, _BIASES)}


def pack_flight(
    flight: Flight, as_of_ns: int, use: Sequence[Use], path: FlightPath | None = None
) -> Assessment:
    """What of a flight is stated to a partner: nothing of its radars, plots or nations."""
    return Assessment(
        flight=flight.id,
        as_of_ns=as_of_ns,
        kind=flight.kind,
        kind_probabilities=dict(flight.kind_probabilities),  # type: ignore[arg-type]
        range_class=flight.range_class,
        range_class_probability=flight.range_class_probability,
        launch=flight.launch,
        path=path,
        apogee=flight.apogee,
        ground_range_m=flight.ground_range_m,
        impact=flight.impact,
        parted_from=flight.parted_from,
        use=in_order(use),
    )


def pack_path(
    time_ns: NDArray[np.int64],
    latitude_rad: NDArray[np.float64],
    longitude_rad: NDArray[np.float64],
    height_m: NDArray[np.float64],
) -> FlightPath:
    """Columns (n,) of a path."""
    return FlightPath(
        time_ns=np.ascontiguousarray(time_ns, "<i8").tobytes(),
        latitude_rad=_reals(latitude_rad),
        longitude_rad=_reals(longitude_rad),
        height_m=_reals(height_m),
    )


class PathColumns(NamedTuple):
    """A path's columns, each (n,)."""

    time_ns: NDArray[np.int64]
    latitude_rad: NDArray[np.float64]
    longitude_rad: NDArray[np.float64]
    height_m: NDArray[np.float64]


def unpack_path(path: FlightPath, most: int) -> PathColumns | Fault:
    """The columns of a path, finite and of one length, at most `most`."""
    time_ns = _integers(path.time_ns, "path.time_ns", most)
    if isinstance(time_ns, Fault):
        return time_ns
    columns = []
    for name in ("latitude_rad", "longitude_rad", "height_m"):
        values = _column(getattr(path, name), f"path.{name}", len(time_ns), nan=False)
        if isinstance(values, Fault):
            return values
        columns.append(values)
    return PathColumns(time_ns, *columns)


def infinite_in(payload: Assessment | AreaWarning) -> Fault | None:
    """The first number of a payload that is not finite."""
    return _infinite(structs.asdict(payload), "payload")


def _infinite(value: Any, place: str) -> Fault | None:
    if isinstance(value, float):
        return None if math.isfinite(value) else Fault(place, f"it is {value}", _CORRECT)
    if isinstance(value, msgspec.Struct):
        value = structs.asdict(value)
    inner = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, tuple)
        else ()
    )
    for key, one in inner:
        fault = _infinite(one, f"{place}[{key}]" if isinstance(key, int) else f"{place}.{key}")
        if fault is not None:
            return fault
    return None


def in_order(use: Sequence[Use]) -> tuple[Use, ...]:
    """Uses as they stand on the wire: each once, in the order of `Use`."""
    return tuple(one for one in Use if one in use)


def use_of(payload: Payload) -> tuple[Use, ...]:
    """What the addressee may do with it; neither a heartbeat nor what people say is observed."""
    return () if isinstance(payload, Heartbeat | Consultation) else payload.use


def _reals(values: NDArray[np.float64]) -> bytes:
    return np.ascontiguousarray(values, "<f8").tobytes()


def _integers(data: bytes, name: str, most: int) -> NDArray[np.int64] | Fault:
    if len(data) % 8:
        return Fault(f"payload.{name}", f"{len(data)} bytes are no int64 values", MALFORMED)
    if len(data) // 8 > most:
        reason = f"{len(data) // 8:,} values are more than {most:,}"
        return Fault(f"payload.{name}", reason, "have the partner send fewer at once")
    return np.frombuffer(data, "<i8").astype(np.int64)


def _column(data: bytes, name: str, n: int, *, nan: bool) -> NDArray[np.float64] | Fault:
    """N finite values; `nan`: some may be none."""
    if len(data) != 8 * n:
        reason = f"{len(data)} bytes are not {n} float64 values"
        return Fault(f"payload.{name}", reason, MALFORMED)
    values = np.frombuffer(data, "<f8").astype(np.float64)
    finite = np.isfinite(values)
    if nan:
        finite |= np.isnan(values)
    if not finite.all():
        at = int(np.argmin(finite))
        return Fault(f"payload.{name}[{at}]", f"it is {values[at]}", _CORRECT)
    return values
